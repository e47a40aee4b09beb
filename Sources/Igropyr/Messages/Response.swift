public import HTTPTypes
internal import IgropyrHTTP
internal import IgropyrUV

/// What a handler answers.
public struct Response {
    public var status: HTTPResponse.Status
    /// The value of `Content-Type`; nil for none.
    public var contentType: String?
    /// What a handler or middleware threw, if this response came of it.
    public internal(set) var failure: (any Error)?
    var body: Body
    /// Bytes that a stream will write, if that is known: fewer or more cut the connection.
    package var streamLength: Int?
    private var storedFields: HTTPFields?

    enum Body {
        case none
        case text(String)
        case bytes([UInt8])
        case file(OpenFile, Range<Int>)
        case stream((ResponseWriter) async throws -> Void)
        case webSocket(WebSocketOpening)
    }
}

// Apart, so that the struct keeps its memberwise initialiser: one of ours in its place would have each value copied.
extension Response {
    /// No body.
    public init(_ status: HTTPResponse.Status = .ok) { self.init(status, nil, .none) }

    public init(_ status: HTTPResponse.Status = .ok, text: String, contentType: String = "text/plain; charset=utf-8") {
        self.init(status, contentType, .text(text))
    }

    public init(
        _ status: HTTPResponse.Status = .ok, bytes: [UInt8], contentType: String? = "application/octet-stream"
    ) {
        self.init(status, contentType, .bytes(bytes))
    }

    /// A body that is written while it is sent. `stream` runs in a task on the connection's loop and waits there for a
    /// slow client; what it throws cuts the connection, so that the client sees that something is missing.
    public init(
        _ status: HTTPResponse.Status = .ok, contentType: String? = nil,
        stream: @escaping (ResponseWriter) async throws -> Void
    ) {
        self.init(status, contentType, .stream(stream))
    }

    /// A body of pieces that are made while it is sent; the sequence is asked for the next one when the client has
    /// taken the last, and cancelled when the client goes away. What it throws cuts the connection.
    public init<Pieces: AsyncSequence>(
        _ status: HTTPResponse.Status = .ok, contentType: String? = nil, pieces: Pieces
    ) where Pieces.Element == [UInt8] {
        self.init(status, contentType: contentType) { writer in
            for try await piece in pieces { try await writer.write(piece) }
        }
    }

    init(_ status: HTTPResponse.Status, _ contentType: String?, _ body: Body) {
        self.init(status: status, contentType: contentType, body: body)
    }

    /// Whether it can go out, as far as a handler can go wrong: what is in ``fields`` is fit for a line.
    func check() throws(HTTPSerializer.Failure) {
        guard status.code >= 200 || isWebSocket else { throw .invalidStatus }
        guard let contentType else { return }
        guard unsafe contentType.utf8.span.bytes.isFieldValue else { throw .invalidFieldValue }
    }

    private var isWebSocket: Bool { if case .webSocket = body { true } else { false } }

    /// Further fields. `Connection`, `Content-Length`, `Date`, `Server` and `Transfer-Encoding` are the server's own
    /// and left out, and so is `Content-Type` beside ``contentType``.
    public var fields: HTTPFields {
        get { storedFields ?? HTTPFields() }
        set { storedFields = newValue }
    }

    /// Whether there are fields at all; looking allocates nothing.
    var hasFields: Bool { storedFields != nil }

    /// The same with a field more.
    public func with(_ name: HTTPField.Name, _ value: String) -> Response {
        var response = self
        response.fields[name] = value
        return response
    }
}
