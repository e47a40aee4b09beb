/// The chunked coding (RFC 9112 §7.1).
extension HTTPParser {
    /// The line of a chunk's size, and as much as there is of its data; after the last one, the trailers.
    mutating func nextChunk(isFirst: Bool, scanned: Int, in bytes: RawSpan) throws(HTTPError) -> Event {
        let lineStart = isFirst ? 0 : 2
        if !isFirst {
            guard try hasLineEnd(in: bytes) else { return .needMore }
        }
        let bound = min(bytes.byteCount, lineStart + limits.chunkLineBytes)
        guard let lineFeed = bytes.firstOffset(of: .lineFeed, from: max(scanned, lineStart), to: bound) else {
            guard bound < lineStart + limits.chunkLineBytes else { throw .chunkLineTooLong }
            state = .chunkLine(isFirst: isFirst, scanned: bound)
            return .needMore
        }
        guard lineFeed > lineStart, bytes.byte(at: lineFeed - 1) == .carriageReturn else { throw .bareLineFeed }
        let line = try ChunkLine(lineStart..<(lineFeed - 1), in: bytes)
        guard line.extensionBytes <= limits.chunkExtensionBytes - chunkExtensionBytes else {
            throw .tooManyChunkExtensions
        }
        let dataStart = lineFeed + 1
        if line.size == 0 {
            let lines = FieldLineParser(position: dataStart)
            state = .trailers(lines, start: dataStart, count: 0)
            return try nextTrailers(lines, start: dataStart, count: 0, in: bytes)
        }
        guard dataStart < bytes.byteCount else {
            state = .chunkLine(isFirst: isFirst, scanned: lineFeed)
            return .needMore
        }
        chunkExtensionBytes += line.extensionBytes
        return chunkData(of: line.size, from: dataStart, in: bytes)
    }

    mutating func nextChunkData(_ remaining: UInt64, in bytes: RawSpan) -> Event {
        bytes.isEmpty ? .needMore : chunkData(of: remaining, from: 0, in: bytes)
    }

    mutating func nextTrailers(
        _ parser: FieldLineParser, start: Int, count: Int, in bytes: RawSpan
    ) throws(HTTPError) -> Event {
        var lines = parser
        var count = count
        let end = min(bytes.byteCount, start + limits.trailerBytes)
        while true {
            switch try lines.next(in: bytes, to: end) {
            case .field(let name, _):
                guard count < limits.fields else { throw .tooManyFields }
                guard !bytes.isForbiddenTrailer(name) else { throw .forbiddenTrailer }
                count += 1
            case .end:
                guard count > 0 else { return endMessage(consumed: lines.position) }
                state = .end
                return .trailers(start..<(lines.position - 2), consumed: lines.position)
            case .incomplete:
                guard end < start + limits.trailerBytes else { throw .trailersTooLong }
                state = .trailers(lines, start: start, count: count)
                return .needMore
            }
        }
    }

    private mutating func chunkData(of remaining: UInt64, from start: Int, in bytes: RawSpan) -> Event {
        let count = Int(min(remaining, UInt64(bytes.byteCount - start)))
        let rest = remaining - UInt64(count)
        state = rest == 0 ? .chunkLine(isFirst: false, scanned: 0) : .chunkData(remaining: rest)
        return .body(start..<(start + count), consumed: start + count)
    }

    /// Whether both bytes of a line end are there; throws when others are.
    private func hasLineEnd(in bytes: RawSpan) throws(HTTPError) -> Bool {
        guard !bytes.isEmpty else { return false }
        guard bytes.byte(at: 0) == .carriageReturn else { throw .invalidChunkEnd }
        guard bytes.byteCount > 1 else { return false }
        guard bytes.byte(at: 1) == .lineFeed else { throw .invalidChunkEnd }
        return true
    }
}
