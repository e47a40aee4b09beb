public import HTTPTypes
package import IgropyrHTTP
public import IgropyrTransport
public import IgropyrUV
public import Logging

/// A request as its handler sees it; belongs to the connection's loop.
///
/// Its parts are read out of the bytes that arrived when they are asked for, and not before.
public final class Request {
    // Those that are unchecked are used for each request, where the runtime's check that nobody else uses them
    // meanwhile shows in the profile.
    @safe @exclusivity(unchecked) private(set) var head: MessageHead
    /// Begins with the head's bytes; behind them may be what is left of a longer one.
    @safe @exclusivity(unchecked) private var bytes: [UInt8] = []
    @safe @exclusivity(unchecked) fileprivate var routeParameters: [RouteParameter] = []
    @safe @exclusivity(unchecked) private var connection: (any HTTPServerStream)?
    var exchange: Exchange?
    let app: App.Essentials
    /// Why no route answers this request; nil if one does.
    @safe @exclusivity(unchecked) private(set) var refusal: Refusal?
    @safe @exclusivity(unchecked) private var values: [ObjectIdentifier: Any] = [:]
    /// Whose ``Middleware/before(_:)`` was called, and whose ``Middleware/after(_:_:)`` is to follow; the outermost
    /// first.
    @safe @exclusivity(unchecked) private var entered: [any Middleware] = []

    /// Whether ``askForWholeBody()`` was called.
    @safe @exclusivity(unchecked) var isForWholeBody = false

    /// Why a request has no route to answer it.
    enum Refusal {
        case failure(HTTPFailure)
        /// OPTIONS, which is answered from the methods of the routes there are.
        case options(HTTPMethodSet)
    }

    init(
        _ head: MessageHead, _ bytes: RawSpan, _ parameters: [RouteParameter], _ connection: any HTTPServerStream,
        of app: App.Essentials
    ) {
        self.head = head
        self.connection = connection
        self.app = app
        fill(head, bytes, parameters, connection)
    }

    /// Makes this the next request, in the memory of the last.
    func fill(
        _ head: MessageHead, _ bytes: RawSpan, _ parameters: [RouteParameter], _ connection: any HTTPServerStream
    ) {
        self.head = head
        bytes.copy(first: head.byteCount, to: &self.bytes)
        routeParameters = parameters
        self.connection = connection
        if refusal != nil { refusal = nil }
        if !values.isEmpty { values = [:] }
        if isForWholeBody { isForWholeBody = false }
    }

    /// Nil once ``leaveConnection()`` was called.
    package var loop: EventLoop? { connection?.loop }

    /// Has `function` called on the loop, once at most, when the task that answers is cancelled from now on: the client
    /// is gone, or was told that it takes too long. For who has much to wait for, since to ask at each wait for the
    /// task's cancellation costs more than the wait. Takes the place of one given before.
    package func whenAbandoned(_ function: @escaping () -> Void) { exchange?.onAbandon = function }

    func refuse(_ refusal: Refusal?) { self.refusal = refusal }

    /// The handler has returned: whoever kept the request must not keep the connection, too.
    func leaveConnection() {
        connection = nil
        exchange = nil
    }

    /// Before ``Middleware/before(_:)`` of a route that waits.
    func enter(_ middleware: any Middleware) { entered.append(middleware) }

    /// The innermost has got its response.
    /// - Returns: false if it has seen another one already, by ``leaveAll(with:)``.
    func leave() -> Bool { entered.popLast() != nil }

    /// Shows what is answered in place of the handler's response to all middleware that waits for one, the innermost
    /// first.
    func leaveAll(with response: inout Response) {
        while let middleware = entered.popLast() { middleware.after(self, &response) }
    }

    /// As ``Exchange/isAbandoned(with:)``.
    func isAbandoned(with error: any Error) -> Bool {
        guard let exchange else { return error.tellsOfCancellation && connection == nil }
        return exchange.isAbandoned(with: error)
    }

    /// What middleware has to tell the handler, under a key of its own; nil unless it was set.
    public subscript<Key: RequestKey>(key: Key.Type) -> Key.Value? {
        get { values.isEmpty ? nil : values[ObjectIdentifier(key)] as? Key.Value }
        set { if newValue != nil || !values.isEmpty { values[ObjectIdentifier(key)] = newValue } }
    }

    /// What middleware around the route has set under `key`, where a handler is nothing without it.
    /// - Throws: ``NoSuchValue``, which is answered 500, if none has.
    public func require<Key: RequestKey>(_ key: Key.Type) throws(NoSuchValue) -> Key.Value {
        guard let value = self[key] else { throw NoSuchValue(key: "\(key)") }
        return value
    }

    public var method: HTTPRequest.Method {
        switch head.method {
        case .get: .get
        case .head: .head
        case .post: .post
        case .put: .put
        case .delete: .delete
        case .options: .options
        case .patch: .patch
        case .trace: .trace
        case .connect: .connect
        case .other: HTTPRequest.Method(text(head.methodName)) ?? .get  // Every head's method is a token.
        }
    }

    /// The application's logger, whose lines tell of this request its method, its path and, with ``RequestIDs``, its
    /// name. Made anew at each call.
    public var logger: Logger {
        var logger = app.logger
        logger[metadataKey: "method"] = "\(method.rawValue)"
        logger[metadataKey: "path"] = "\(path)"
        if let id { logger[metadataKey: "request-id"] = "\(id)" }
        return logger
    }

    /// As it was sent, without the query and not decoded; ``parameters`` are decoded.
    public var path: String { head.path.isEmpty ? "/" : text(head.path) }

    /// The target as it was sent, with its query.
    public var target: String { text(head.target) }

    /// What the pattern's `:names` and `**` stand for.
    public var parameters: Parameters { Parameters(request: self) }

    /// - Throws: answered 400, if it is not well encoded or has more than 1000 pairs.
    public var query: Query {
        get throws {
            guard let range = head.query else { return Query(pairs: []) }
            return Query(pairs: try withBytes { bytes throws(HTTPError) in try QueryPair.parse(range, in: bytes) })
        }
    }

    /// The value of the first field of that name, whatever its case.
    public func header(_ name: String) -> String? {
        guard !isHidden(name) else { return nil }
        return withBytes { bytes in head.value(of: name, in: bytes).map { bytes.string(in: $0) } }
    }

    /// Nil without `Accept`: the client takes anything. Read anew at each call.
    var acceptedTypes: AcceptedTypes? {
        let fields = headers("Accept")
        return fields.isEmpty ? nil : AcceptedTypes(fields.joined(separator: ","))
    }

    /// The values of all fields of that name, in their order.
    package func headers(_ name: String) -> [String] {
        guard !isHidden(name) else { return [] }
        return withBytes { bytes in
            var values: [String] = []
            var iterator = FieldIterator(head.fields)
            while let field = iterator.next(in: bytes) {
                if bytes.matches(name, in: field.name) { values.append(bytes.string(in: field.value)) }
            }
            return values
        }
    }

    /// The bytes of the head, and where in them each field's name and value are, as they were sent and in their order.
    package var fieldRanges: (head: [UInt8], fields: [(name: Range<Int>, value: Range<Int>)]) {
        var ranges: [(name: Range<Int>, value: Range<Int>)] = []
        ranges.reserveCapacity(head.fieldCount)
        withBytes { bytes in
            var iterator = FieldIterator(head.fields)
            while let field = iterator.next(in: bytes) {
                if !isHidden(field.name, in: bytes) { ranges.append(field) }
            }
        }
        return (bytes, ranges)
    }

    /// All fields; made anew at each call.
    public var fields: HTTPFields {
        let fields = withBytes { bytes in head.httpFields(in: bytes) }
        return isForWholeBody ? fields.filter { !isHidden($0.name.canonicalName) } : fields
    }

    /// The host, maybe with its port, that the client wants to talk to.
    public var authority: String? { head.authority.map(text) }

    /// Who is at the other end of the connection: perhaps a proxy, see `X-Forwarded-For`. Nil once the client is gone.
    public var remoteAddress: SocketAddress? { connection?.peerAddress }

    /// Where the request came in, on this machine; nil once the client is gone.
    public var localAddress: SocketAddress? { connection?.localAddress }

    /// Whether the request came by https. A proxy before this server may have had it so all the same; how the two speak
    /// to each other, be it under a key that both hold, is of no account.
    public var isEncrypted: Bool { connection?.isEncrypted ?? false }

    /// What the client has shown and an authority of ``TLSConfiguration/clientCertificates`` has vouched for; nil
    /// without such a certificate, and once the client is gone. Made anew at each call.
    public var clientCertificate: TLSPeerCertificate? { connection?.clientCertificate }

    var hasBody: Bool {
        switch head.framing {
        case .none, .length(0): false
        case .length, .chunked, .untilClose: true
        }
    }

    /// Whether to do it twice is as good as once (RFC 9110 §9.2.2).
    package var isIdempotent: Bool { head.method.isIdempotent }

    /// In bytes, as the client has said it; nil if it has said nothing, or there is no body.
    package var bodyLength: Int? {
        if case .length(let length) = head.framing { Int(length) } else { nil }
    }

    /// As it was sent.
    package var queryText: String? { head.query.map(text) }

    package var protocolVersion: String {
        switch head.version {
        case .http10: "HTTP/1.0"
        case .http11: "HTTP/1.1"
        case .http2: "HTTP/2"
        }
    }

    /// The target without the scheme and authority that it may have had.
    package var pathAndQuery: String { head.query.map { "\(path)?\(text($0))" } ?? path }

    private func text(_ range: Range<Int>) -> String { withBytes { bytes in bytes.string(in: range) } }

    func withBytes<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let bytes = bytes
        return unsafe try body(bytes.span.bytes)
    }

    /// Nil if there is none, or it is not well encoded.
    fileprivate func parameter(_ name: String) -> String? {
        guard let parameter = routeParameters.first(where: { $0.name == name }) else { return nil }
        return try? withBytes { bytes throws(HTTPError) in
            try PercentEncoding.decodeString(parameter.range, in: bytes)
        }
    }

    /// The segments of what `**` stands for, decoded.
    package func restSegments() throws(HTTPError) -> [String] {
        guard let rest = routeParameters.first(where: { $0.name == "**" })?.range else { return [] }
        // A path begins with a slash; the rest of one does not.
        guard !rest.isEmpty || endsWithSlash else { return [] }
        let path = (rest.isEmpty ? rest.lowerBound : rest.lowerBound - 1)..<rest.upperBound
        return try withBytes { bytes throws(HTTPError) in try PathSegments.decode(path, in: bytes) }
    }

    /// What `**` stands for, if it needs no decoding and every name in it is an ordinary one: none is empty or begins
    /// with a dot, and there is no backslash. Nil also for nothing at all.
    var plainRest: String? {
        guard let rest = routeParameters.first(where: { $0.name == "**" })?.range, !rest.isEmpty else { return nil }
        return withBytes { bytes in
            let bytes = bytes.extracting(rest)
            return PathSegments.isPlain(bytes) ? bytes.string(in: 0..<bytes.byteCount) : nil
        }
    }

    /// What `**` stands for with the slash before it, or the whole path where the pattern has none, and the query; as
    /// they were sent.
    var rest: String {
        let query = head.query.map { "?\(text($0))" } ?? ""
        guard let rest = routeParameters.first(where: { $0.name == "**" })?.range else { return path + query }
        return (rest.isEmpty && !endsWithSlash ? "" : "/" + text(rest)) + query
    }

    private var endsWithSlash: Bool { head.path.isEmpty || bytes[head.path.upperBound - 1] == UInt8(ascii: "/") }
}

/// Names a value that goes with a request: from one middleware to the next, or to the handler.
///
/// ```swift
/// enum UserKey: RequestKey { typealias Value = User }
/// request[UserKey.self] = user
/// ```
public protocol RequestKey {
    associatedtype Value
}

/// A handler asks for a value that no middleware around its route has set.
public struct NoSuchValue: Error, Hashable, Sendable, CustomStringConvertible {
    /// The type that it was asked for by.
    public let key: String

    public var description: String {
        "nothing is set under \(key): the middleware that sets it is missing around the route"
    }
}

extension Request {
    /// Whether nothing is known of its path.
    var hasNoRoute: Bool {
        guard case .failure(let failure)? = refusal else { return false }
        return failure.status == .notFound
    }

    func answerWithoutRoute() throws -> Response {
        switch refusal {
        case .failure(let failure)?: throw failure
        case .options(let allowed)?: return Response(.noContent).with(.allow, allowed.allow)
        case nil: preconditionFailure("a fallback answers refused requests only")
        }
    }
}

extension Request {
    /// Parts of the path by their names in the route's pattern.
    public struct Parameters {
        fileprivate let request: Request

        /// Decoded. Nil if the pattern has no such name, or this part of the path is not well encoded.
        public subscript(name: String) -> String? { request.parameter(name) }

        func has(_ name: String) -> Bool { request.routeParameters.contains { $0.name == name } }
    }

    /// The pairs of a query, decoded.
    public struct Query: Sendable {
        let pairs: [QueryPair]

        /// The first value of that name; empty if the name has none.
        public subscript(name: String) -> String? { pairs.first { $0.name == name }?.value }

        public func all(_ name: String) -> [String] { pairs.filter { $0.name == name }.map(\.value) }
    }
}
