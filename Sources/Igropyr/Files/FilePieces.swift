internal import IgropyrUV

/// A part of a file, to be gone through in pieces; what is in the kernel's cache takes the loop some microseconds each.
struct FilePieces {
    static let pieceBytes = 64 << 10

    /// The file has become shorter than its response announced.
    struct Shortened: Error {}

    private let bytes: [UInt8]?
    private let file: OpenFile?
    private let range: Range<Int>

    init(_ found: FileShelf.Found, _ range: Range<Int>) {
        bytes = found.file.bytes
        file = found.open
        self.range = range
    }

    init(_ file: OpenFile, _ range: Range<Int>) {
        bytes = nil
        self.file = file
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
        if let bytes { return Array(bytes[rest.lowerBound..<(rest.lowerBound + count)]) }
        return try file?.read(at: rest.lowerBound, count: count) ?? []
    }
}
