internal import IgropyrUV

/// A part of a file, to be gone through in pieces; what is in the kernel's cache takes the loop some microseconds each.
struct FilePieces {
    static let pieceBytes = 64 << 10

    /// The file has become shorter than its response announced.
    struct Shortened: Error {}

    private let found: FileShelf.Found
    private let range: Range<Int>

    init(_ found: FileShelf.Found, _ range: Range<Int>) {
        self.found = found
        self.range = range
    }

    /// - Throws: ``Shortened``; what reading the file or `body` throws.
    func forEach(_ body: ([UInt8]) async throws -> Void) async throws {
        var rest = range
        while !rest.isEmpty {
            let piece = try next(rest)
            guard !piece.isEmpty else { throw Shortened() }
            rest = (rest.lowerBound + piece.count)..<rest.upperBound
            try await body(piece)
        }
    }

    private func next(_ rest: Range<Int>) throws(UVError) -> [UInt8] {
        let count = min(rest.count, Self.pieceBytes)
        if let bytes = found.file.bytes { return Array(bytes[rest.lowerBound..<(rest.lowerBound + count)]) }
        return try found.open?.read(at: rest.lowerBound, count: count) ?? []
    }
}
