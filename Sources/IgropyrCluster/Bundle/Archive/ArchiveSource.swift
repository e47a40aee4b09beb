internal import IgropyrBundles

/// Where an archive's bytes come from, piece by piece, from its front to its end.
struct ArchiveSource {
    /// Of a piece.
    static let pieceBytes = ContentChunker.maximumBytes

    /// For errors.
    let name: String
    let byteCount: Int64
    /// The next piece, of at most ``pieceBytes``; empty at the end.
    let next: () throws(BundleError) -> [UInt8]
}

extension ArchiveSource {
    init(_ bytes: [UInt8], name: String) {
        var position = 0
        self.init(name: name, byteCount: Int64(bytes.count)) { () throws(BundleError) in
            let end = min(bytes.count, position + Self.pieceBytes)
            defer { position = end }
            return Array(bytes[position..<end])
        }
    }
}
