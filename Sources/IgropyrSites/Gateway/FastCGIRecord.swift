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

    /// Why what a responder has sent is no record that it may send.
    enum Mistake: Error, Equatable, CustomStringConvertible {
        case version(UInt8)
        case unexpectedType(UInt8)
        case otherRequest(Int)
        case badEnding

        var description: String {
            switch self {
            case .version(let version): "its records are of version \(version) of FastCGI, or it does not speak that"
            case .unexpectedType(let type): "a record of type \(type) is none of a responder's"
            case .otherRequest(let number): "it answers request \(number), which nobody has made"
            case .badEnding: "its FCGI_END_REQUEST is none"
            }
        }
    }

    static let headerBytes = 8
    static let limitContent = 65_528
    private static let requestID: UInt8 = 1
    private static let beginningBytes = 8

    private enum Kind: UInt8 {
        case begin = 1
        case end = 3
        case parameters = 4
        case input = 5
        case output = 6
        case errors = 7
    }

    /// FCGI_BEGIN_REQUEST as responder, all parameters, and the end of the input if there is none.
    static func opening(_ variables: MetaVariables, hasInput: Bool, keepsConnection: Bool) -> [UInt8] {
        let count = variables.bytes.count
        let records = 4 + (count + limitContent - 1) / limitContent
        var bytes: [UInt8] = []
        bytes.append(addingCapacity: records * headerBytes + count + beginningBytes) { output in
            append(headerOf: .begin, beginningBytes, to: &output)
            output.append(0)
            output.append(1)  // FCGI_RESPONDER
            output.append(keepsConnection ? 1 : 0)
            for _ in 3..<beginningBytes { output.append(0) }
            appendStream(.parameters, variables.bytes, to: &output)
            append(headerOf: .parameters, 0, to: &output)
            if !hasInput { append(headerOf: .input, 0, to: &output) }
        }
        return bytes
    }

    static func input(_ body: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        let records = (body.count + limitContent - 1) / limitContent
        bytes.append(addingCapacity: records * headerBytes + body.count) { output in
            appendStream(.input, body, to: &output)
        }
        return bytes
    }

    static let endOfInput: [UInt8] = {
        var bytes: [UInt8] = []
        bytes.append(addingCapacity: headerBytes) { output in append(headerOf: .input, 0, to: &output) }
        return bytes
    }()

    private static func appendStream(_ kind: Kind, _ content: [UInt8], to output: inout OutputSpan<UInt8>) {
        let content = content.span
        for start in stride(from: 0, to: content.count, by: limitContent) {
            let end = min(start + limitContent, content.count)
            append(headerOf: kind, end - start, to: &output)
            unsafe output.append(content.bytes.extracting(start..<end))
        }
    }

    private static func append(headerOf kind: Kind, _ count: Int, to output: inout OutputSpan<UInt8>) {
        output.append(1)
        output.append(kind.rawValue)
        output.append(0)
        output.append(requestID)
        output.append(UInt8(count >> 8))
        output.append(UInt8(count & 0xFF))
        output.append(0)
        output.append(0)
    }

    /// The next event in what has arrived from `start` on, whose first bytes are a record's header. Ranges count from
    /// the beginning of `bytes`; whole records only.
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
