/// The records of FastCGI 1.0, as a web server writes and reads them for one request at a time.
enum FastCGIRecord {
    /// Of the responder's records.
    enum Event: Equatable {
        case needMore
        /// A part of the given bytes.
        case output(Range<Int>, consumed: Int)
        case errorOutput(Range<Int>, consumed: Int)
        case end(Ending, consumed: Int)
        /// Padding, or an empty record.
        case nothing(consumed: Int)
    }

    /// FCGI_END_REQUEST's protocol status.
    enum Ending: UInt8 {
        case complete = 0
        case cannotMultiplex = 1
        case overloaded = 2
        case unknownRole = 3
    }

    enum Mistake: Error, Equatable {
        case version(UInt8)
        case unexpectedType(UInt8)
        case otherRequest(Int)
        case badEnding
    }

    static let headerBytes = 8
    static let limitContent = 65_528
    private static let requestID = 1
    private static let usualPairBytes = 1024

    private enum Kind: UInt8 {
        case begin = 1
        case end = 3
        case parameters = 4
        case input = 5
        case output = 6
        case errors = 7
    }

    /// FCGI_BEGIN_REQUEST as responder, and all parameters.
    static func opening(_ variables: [MetaVariables.Pair], keepsConnection: Bool) -> [UInt8] {
        var pairs: [UInt8] = []
        pairs.reserveCapacity(usualPairBytes)
        for (name, value) in variables {
            append(length: name.utf8.count, to: &pairs)
            append(length: value.utf8.count, to: &pairs)
            pairs += name.utf8
            pairs += value.utf8
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(pairs.count + 5 * headerBytes)
        append(.begin, [0, 1, keepsConnection ? 1 : 0, 0, 0, 0, 0, 0][...], to: &bytes)
        appendStream(.parameters, pairs, to: &bytes)
        append(.parameters, [][...], to: &bytes)
        return bytes
    }

    static func input(_ body: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        appendStream(.input, body, to: &bytes)
        return bytes
    }

    static let endOfInput: [UInt8] = {
        var bytes: [UInt8] = []
        append(.input, [][...], to: &bytes)
        return bytes
    }()

    private static func appendStream(_ kind: Kind, _ content: [UInt8], to bytes: inout [UInt8]) {
        for start in stride(from: 0, to: content.count, by: limitContent) {
            append(kind, content[start..<min(start + limitContent, content.count)], to: &bytes)
        }
    }

    private static func append(_ kind: Kind, _ content: ArraySlice<UInt8>, to bytes: inout [UInt8]) {
        let count = content.count
        bytes += [1, kind.rawValue, 0, UInt8(requestID), UInt8(count >> 8), UInt8(count & 0xFF), 0, 0]
        bytes += content
    }

    /// One byte up to 127, else four.
    private static func append(length: Int, to bytes: inout [UInt8]) {
        guard length > 127 else { return bytes.append(UInt8(length)) }
        bytes += [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: length >> $0) }
        bytes[bytes.count - 4] |= 0x80
    }

    /// The next event in what has arrived from `start` on, whose first bytes are a record's header. Ranges count from the
    /// beginning of `bytes`; whole records only.
    static func next(in bytes: [UInt8], from start: Int) throws(Mistake) -> Event {
        guard bytes.count - start >= headerBytes else { return .needMore }
        guard bytes[start] == 1 else { throw .version(bytes[start]) }
        let request = Int(bytes[start + 2]) << 8 | Int(bytes[start + 3])
        let count = Int(bytes[start + 4]) << 8 | Int(bytes[start + 5])
        let consumed = headerBytes + count + Int(bytes[start + 6])
        guard let kind = Kind(rawValue: bytes[start + 1]) else { throw .unexpectedType(bytes[start + 1]) }
        guard request == requestID else { throw .otherRequest(request) }
        guard bytes.count - start >= consumed else { return .needMore }
        let content = (start + headerBytes)..<(start + headerBytes + count)
        switch kind {
        case .output: return count == 0 ? .nothing(consumed: consumed) : .output(content, consumed: consumed)
        case .errors: return count == 0 ? .nothing(consumed: consumed) : .errorOutput(content, consumed: consumed)
        case .end:
            guard count == 8, let ending = Ending(rawValue: bytes[content.lowerBound + 4]) else { throw .badEnding }
            return .end(ending, consumed: consumed)
        case .begin, .parameters, .input: throw .unexpectedType(kind.rawValue)
        }
    }
}
