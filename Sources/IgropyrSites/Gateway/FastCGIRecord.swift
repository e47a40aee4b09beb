internal import IgropyrHTTP

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
    private static let requestID: UInt8 = 1
    /// Of a name and of a value.
    private static let longestLengthsBytes = 8

    private enum Kind: UInt8 {
        case begin = 1
        case end = 3
        case parameters = 4
        case input = 5
        case output = 6
        case errors = 7
    }

    /// FCGI_BEGIN_REQUEST as responder, and all parameters.
    static func opening(_ variables: MetaVariables, keepsConnection: Bool) -> [UInt8] {
        let source = variables.bytes.span
        var pairs: [UInt8] = []
        pairs.append(addingCapacity: source.count + variables.count * longestLengthsBytes) { output in
            variables.forEach { name, value in
                append(length: name.count, to: &output)
                append(length: value.count, to: &output)
                unsafe output.append(source.bytes.extracting(name.lowerBound..<value.upperBound))
            }
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
        let content = content.span
        bytes.append(addingCapacity: headerBytes + content.count) { output in
            output.append(1)
            output.append(kind.rawValue)
            output.append(0)
            output.append(requestID)
            output.append(UInt8(content.count >> 8))
            output.append(UInt8(content.count & 0xFF))
            output.append(0)
            output.append(0)
            unsafe output.append(content.bytes)
        }
    }

    /// One byte up to 127, else four.
    private static func append(length: Int, to output: inout OutputSpan<UInt8>) {
        guard length > 127 else { return output.append(UInt8(length)) }
        output.append(UInt8(truncatingIfNeeded: length >> 24) | 0x80)
        output.append(UInt8(truncatingIfNeeded: length >> 16))
        output.append(UInt8(truncatingIfNeeded: length >> 8))
        output.append(UInt8(truncatingIfNeeded: length))
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
        guard request == Int(requestID) else { throw .otherRequest(request) }
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
