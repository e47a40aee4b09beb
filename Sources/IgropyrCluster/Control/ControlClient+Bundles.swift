public import IgropyrBundles
internal import IgropyrOrchestration
internal import IgropyrTransport
public import IgropyrUV

/// Bundles on their way, chunk by chunk.
extension ControlClient {
    /// Chunks on their way at once in an upload.
    private static let uploads = 8
    /// How often a node may lose chunks while it is given them.
    private static let offers = 3

    /// Sends the chunks of an archive at `path` that a node lacks; after a cut, what it got before counts.
    ///
    /// `progress` gets the bytes sent and those to send. Returns once the node has checked the whole bundle and its
    /// disk has it, with the bytes that were sent: 0 if it had it already.
    @discardableResult
    public func upload(
        _ index: BundleIndex, from path: String, to node: SocketAddress,
        progress: @escaping @Sendable (_ sentBytes: Int64, _ totalBytes: Int64) -> Void = { _, _ in }
    ) async throws(ControlError) -> Int64 {
        var total: Int64 = 0
        for _ in 0..<Self.offers {
            let answer: OfferAnswer = try await call(
                .init(.put, "/v1/bundles/\(index.digest)", body: index.bytes), at: node, isPatient: true)
            guard let missing = ChunkSet(bytes: Array(answer.missing), capacity: index.distinctChunks.count) else {
                throw ControlError(.unexpectedAnswer, "the node at \(node) lacks what the bundle does not have")
            }
            guard missing.count > 0 else { return total }
            let upload = Upload(index, missing, from: path, progress)
            try await send(upload, to: node)
            total += upload.totalBytes
        }
        throw ControlError(
            .unexpectedAnswer,
            "the node at \(node) keeps losing what it is sent: look into its log, or use another node")
    }

    private func send(_ upload: Upload, to node: SocketAddress) async throws(ControlError) {
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<Self.uploads {
                    group.addTask(executorPreference: loop) { try await self.sendChunks(of: upload, to: node) }
                }
                try await group.waitForAll()
            }
        } catch { throw error as? ControlError ?? ControlError(.local, "\(error)") }
    }

    private func sendChunks(of upload: Upload, to node: SocketAddress) async throws {
        while let (chunk, bytes) = try await loop.offload({ try upload.next() }) {
            let response = try await send(
                .init(.put, "/v1/bundles/\(upload.index.digest)/chunks/\(chunk.digest)", body: bytes), at: node,
                isPatient: true)
            guard response.status / 100 == 2 else { throw unexpected(response, from: node) }
            upload.didSend(chunk)
        }
    }

    // MARK: - Among nodes

    /// Nil if the node has none of that bundle.
    func index(of digest: BundleDigest, at node: SocketAddress) async throws(ControlError) -> BundleIndex? {
        let response = try await send(
            .init(.get, "/v1/bundles/\(digest)"), at: node, limitBytes: BundleIndex.limitBytes)
        guard response.status != 404 else { return nil }
        guard response.status == 200 else { throw unexpected(response, from: node) }
        guard let index = try? BundleIndex(bytes: response.body), index.digest == digest else {
            throw ControlError(.unexpectedAnswer, "what the node at \(node) sends is not the bundle \(digest.short)")
        }
        return index
    }

    /// Nil if the node has none of that bundle.
    func holdings(of index: BundleIndex, at node: SocketAddress) async throws(ControlError) -> ChunkSet? {
        let response = try await send(.init(.get, "/v1/bundles/\(index.digest)/chunks"), at: node, limitBytes: 1 << 16)
        guard response.status != 404 else { return nil }
        guard response.status == 200 else { throw unexpected(response, from: node) }
        guard let answer = try? JSON.decode(ChunkHoldings.self, from: response.body),
            let held = ChunkSet(bytes: Array(answer.held), capacity: index.distinctChunks.count)
        else { throw ControlError(.unexpectedAnswer, "the node at \(node) says nothing about \(index.digest.short)") }
        return held
    }

    /// What a node calls that chunk, unchecked; nil if it does not have it.
    func chunk(
        _ chunk: ChunkDigest, of bundle: BundleDigest, at node: SocketAddress
    ) async throws(ControlError) -> [UInt8]? {
        let response = try await send(
            .init(.get, "/v1/bundles/\(bundle)/chunks/\(chunk)"), at: node, limitBytes: ContentChunker.maximumBytes)
        guard response.status != 404 else { return nil }
        guard response.status == 200 else { throw unexpected(response, from: node) }
        return response.body
    }
}

/// What is to be sent of an archive; for several threads.
private final class Upload: Sendable {
    private struct State {
        var next = 0
        var sentBytes: Int64 = 0
    }

    let index: BundleIndex
    let totalBytes: Int64
    private let path: String
    /// With their places in the archive.
    private let chunks: [(chunk: BundleIndex.Chunk, offset: Int64)]
    private let progress: @Sendable (Int64, Int64) -> Void
    private let state = Locked(State())

    init(
        _ index: BundleIndex, _ missing: ChunkSet, from path: String,
        _ progress: @escaping @Sendable (Int64, Int64) -> Void
    ) {
        self.index = index
        self.path = path
        self.progress = progress
        var offsets: [ChunkDigest: Int64] = [:]
        var offset: Int64 = 0
        for chunk in index.chunks {
            offsets[chunk.digest] = offsets[chunk.digest] ?? offset
            offset += Int64(chunk.byteCount)
        }
        chunks = index.distinctChunks.enumerated().filter { missing.contains($0.offset) }
            .map { ($0.element, offsets[$0.element.digest] ?? 0) }
        totalBytes = chunks.reduce(0) { $0 + Int64($1.chunk.byteCount) }
    }

    /// Nil when all have been taken. Blocks.
    func next() throws(FileError) -> (BundleIndex.Chunk, [UInt8])? {
        let number = state.withLock { state in
            state.next += 1
            return state.next - 1
        }
        guard number < chunks.count else { return nil }
        let (chunk, offset) = chunks[number]
        return (chunk, try BlockingFile(path, .read).read(upTo: chunk.byteCount, at: offset))
    }

    func didSend(_ chunk: BundleIndex.Chunk) {
        let sent = state.withLock { state in
            state.sentBytes += Int64(chunk.byteCount)
            return state.sentBytes
        }
        progress(sent, totalBytes)
    }
}
