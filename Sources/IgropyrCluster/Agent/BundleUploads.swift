internal import IgropyrBundles
internal import IgropyrOrchestration
internal import IgropyrTime

/// The bundles that clients are sending to this node, so that it takes their chunks and no others.
struct BundleUploads {
    /// At a time; the one that was silent for longest gives way. Its client has to offer it again.
    private static let limit = 16

    private struct Upload {
        let chunks: Set<ChunkDigest>
        var lastNews: Timestamp
    }

    private var uploads: [BundleDigest: Upload] = [:]

    /// Those that somebody is still at.
    func digests(at now: Timestamp) -> Set<BundleDigest> {
        let oldest = now.advanced(by: .milliseconds(-BundleRetention.graceMilliseconds))
        return Set(uploads.filter { $0.value.lastNews > oldest }.keys)
    }

    mutating func begin(_ index: BundleIndex, at now: Timestamp) {
        if uploads[index.digest] == nil, uploads.count >= Self.limit {
            let oldest = uploads.min { ($0.value.lastNews, $0.key) < ($1.value.lastNews, $1.key) }
            if let oldest { uploads[oldest.key] = nil }
        }
        uploads[index.digest] = Upload(chunks: Set(index.distinctChunks.map(\.digest)), lastNews: now)
    }

    /// Whether a chunk is one that an upload announced.
    mutating func expects(_ chunk: ChunkDigest, of digest: BundleDigest, at now: Timestamp) -> Bool {
        guard uploads[digest]?.chunks.contains(chunk) == true else { return false }
        uploads[digest]?.lastNews = now
        return true
    }

    mutating func end(_ digest: BundleDigest) { uploads[digest] = nil }
}
