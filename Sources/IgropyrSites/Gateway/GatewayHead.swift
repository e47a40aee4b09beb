internal import HTTPTypes
internal import Igropyr
internal import IgropyrHTTP

/// The head of what a CGI program answers (RFC 3875 §6.2, §6.3), whichever way it came.
struct GatewayHead: Equatable {
    var status: Int?
    var location: String?
    var contentType: String?
    var contentLength: Int?
    /// The others, but for those that are a server's own: of connections and framing.
    var fields: [Field] = []

    struct Field: Equatable {
        var name: HTTPField.Name
        var value: String
    }

    /// What the answer means.
    enum Meaning: Equatable {
        case document(status: Int)
        /// The request is to be answered as if it had been for this path and query (§6.2.2).
        case localRedirect(String)
    }

    var meaning: Meaning {
        guard let location else { return .document(status: status ?? 200) }
        if status == nil, contentType == nil, location.hasPrefix("/"), !location.hasPrefix("//") {
            return .localRedirect(location)
        }
        return .document(status: status ?? 302)
    }

    /// Gives the response the head's fields.
    func fill(_ response: inout Response) {
        for field in fields { response.fields.append(HTTPField(name: field.name, value: field.value)) }
        if let location { response.fields[.location] = location }
    }
}

/// Why what a program wrote is no answer.
enum GatewayMistake: Error, Equatable, CustomStringConvertible {
    case headTooLong
    case endsBeforeBody
    /// The program believes that it talks to the client itself (NPH, §5), which is not supported.
    case statusLine
    case noField(String)
    case invalidValue(String)
    case invalidStatus
    case repeated(String)
    /// Neither a type, nor a place, nor a status: §6.2 wants one of them.
    case nothingSaid
    /// A FastCGI responder closed the connection before it was done.
    case endsEarly
    /// A FastCGI responder's own word for it.
    case refused(String)

    var description: String {
        switch self {
        case .headTooLong: "its head is longer than \(GatewayHeadParser.limitBytes) bytes"
        case .endsBeforeBody: "its output ends before the empty line that ends the head"
        case .statusLine: "it begins with a status line: scripts that answer by themselves (NPH) are not supported"
        case .noField(let line): "\"\(line)\" is no field of a head"
        case .invalidValue(let name): "the value of \(name) cannot stand in a field"
        case .invalidStatus: "its Status is none from 200 to 599"
        case .repeated(let name): "\(name) is there twice"
        case .endsEarly: "the connection ended before the answer did"
        case .refused(let reason): "it takes no request: \(reason)"
        case .nothingSaid: "its head has neither Content-Type nor Location nor Status"
        }
    }
}

/// Reads the head off a program's output, however that is cut.
struct GatewayHeadParser {
    static let limitBytes = 64 << 10

    private var bytes: [UInt8] = []
    /// Where the line begins that is not whole yet.
    private var lineStart = 0
    private var scanned = 0
    private var head = GatewayHead()

    /// The head, and what of the body came with it; nil while it is not whole.
    mutating func take(_ piece: [UInt8]) throws(GatewayMistake) -> (head: GatewayHead, rest: [UInt8])? {
        if bytes.isEmpty { bytes = piece } else { bytes += piece }
        while let end = bytes[scanned...].firstIndex(of: UInt8(ascii: "\n")) {
            guard end < Self.limitBytes else { throw .headTooLong }
            var line = bytes[lineStart..<end]
            if line.last == UInt8(ascii: "\r") { line = line.dropLast() }
            (lineStart, scanned) = (end + 1, end + 1)
            guard !line.isEmpty else {
                if head.contentType == nil, head.location == nil, head.status == nil { throw .nothingSaid }
                return (head, Array(bytes[scanned...]))
            }
            try take(line: line)
        }
        scanned = bytes.count
        guard bytes.count < Self.limitBytes else { throw .headTooLong }
        return nil
    }

    private mutating func take(line: ArraySlice<UInt8>) throws(GatewayMistake) {
        if line.starts(with: "HTTP/".utf8) { throw .statusLine }
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")),
            let name = FieldName(line.startIndex..<colon, in: unsafe bytes.span.bytes)
        else { throw .noField(Self.shown(line)) }
        let text = line[(colon + 1)...].trimmedOfSpaces
        guard let valid = try? UTF8Span(validating: text.span) else { throw .invalidValue(name.text) }
        guard unsafe text.span.bytes.isFieldValue else { throw .invalidValue(name.text) }
        try take(name, String(copying: valid))
    }

    /// Those that say what the answer is are looked for first: most heads have no other.
    private enum FieldName {
        case status, location, contentType, contentLength
        case other(HTTPField.Name)

        init?(_ name: Range<Int>, in bytes: RawSpan) {
            if bytes.equals("content-type", in: name) {
                self = .contentType
            } else if bytes.equals("status", in: name) {
                self = .status
            } else if bytes.equals("location", in: name) {
                self = .location
            } else if bytes.equals("content-length", in: name) {
                self = .contentLength
            } else if let name = HTTPField.Name(bytes.string(in: name)) {
                self = .other(name)
            } else {
                return nil
            }
        }

        var text: String {
            switch self {
            case .status: "Status"
            case .location: "Location"
            case .contentType: "Content-Type"
            case .contentLength: "Content-Length"
            case .other(let name): name.rawName
            }
        }
    }

    private mutating func take(_ name: FieldName, _ value: String) throws(GatewayMistake) {
        switch name {
        case .status:
            guard head.status == nil else { throw .repeated("Status") }
            let digits = value.prefix { $0 != " " }
            guard digits.utf8.count == 3, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                let status = Int(digits), (200...599).contains(status)
            else { throw .invalidStatus }
            head.status = status
        case .location:
            guard head.location == nil else { throw .repeated("Location") }
            guard value.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), !value.isEmpty else {
                throw .invalidValue("Location")
            }
            head.location = value
        case .contentType:
            guard head.contentType == nil else { throw .repeated("Content-Type") }
            head.contentType = value
        case .contentLength:
            guard head.contentLength == nil else { throw .repeated("Content-Length") }
            guard (1...18).contains(value.utf8.count), value.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
                throw .invalidValue("Content-Length")
            }
            head.contentLength = Int(value)
        case .other(let name) where Self.serversOwn.contains(name.canonicalName): break
        case .other(let name): head.fields.append(.init(name: name, value: value))
        }
    }

    /// Of connections and framing (RFC 9110 §7.6.1), and what the server says itself.
    private static let serversOwn: Set = [
        "connection", "date", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "server",
        "te",
        "trailer", "transfer-encoding", "upgrade",
    ]

    /// Fit for a log.
    private static func shown(_ line: ArraySlice<UInt8>) -> String {
        String(decoding: line.prefix(80).map { $0 < 0x20 || $0 >= 0x7F ? UInt8(ascii: "?") : $0 }, as: UTF8.self)
    }
}
