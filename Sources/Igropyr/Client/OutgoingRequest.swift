internal import HTTPTypes
internal import IgropyrHTTP
internal import IgropyrTime
internal import IgropyrTransport
internal import Tracing

/// A request of a client's, and what becomes of it by a redirection.
struct OutgoingRequest: Sendable {
    private(set) var method: HTTPRequest.Method
    private(set) var url: ServerURL
    private var fields: HTTPFields
    private var body: [UInt8]
    /// Whether the server is told that trailers are read.
    var takesTrailers = false
    /// What `Trailer` announces behind the body.
    var announcedTrailers: String?
    /// When it is given up, with all redirections.
    let deadline: Timestamp?

    init(
        _ method: HTTPRequest.Method, _ url: ServerURL, _ fields: HTTPFields, _ body: [UInt8],
        until deadline: Timestamp? = nil
    ) {
        self.deadline = deadline
        self.method = method
        self.url = url
        self.fields = fields
        self.body = body
        for name in Self.ownFields { self.fields[name] = nil }
    }

    private static let ownFields = [
        "Connection", "Content-Length", "Expect", "Host", "Keep-Alive", "Proxy-Connection", "TE", "Trailer",
        "Transfer-Encoding", "Upgrade",
    ].compactMap { HTTPField.Name($0) }

    /// - Throws: ``HTTPRequestFailure`` for a method that is none of RFC 9110 §9.3 or RFC 5789, or is `CONNECT`.
    var message: HTTPRequester.Request {
        get throws {
            let known = HTTPMethod(method.rawValue)
            guard known != .other, known != .connect else {
                throw HTTPRequestFailure(url.told, .invalidRequest("there is no method \(method.rawValue) here"))
            }
            var fields = fields
            if fields[.userAgent] == nil { fields[.userAgent] = "Igropyr" }
            if let context = ServiceContext.current {
                InstrumentationSystem.instrument.inject(context, into: &fields, using: FieldInjector())
            }
            var message = HTTPRequester.Request(known, url.target, body: body)
            message.fields = fields.map { ($0.name.rawName, $0.value) }
            if takesTrailers { message.fields += [("Connection", "TE"), ("TE", "trailers")] }
            if let announcedTrailers { message.fields.append(("Trailer", announcedTrailers)) }
            message.host = url.authority
            message.deadline = deadline
            return message
        }
    }

    /// Where the response sends it on to; nil if it does not, or if it should not be followed. A form that was sent is
    /// then asked for, as browsers do it (RFC 9110 §15.4).
    func redirected(by status: HTTPResponse.Status, _ fields: HTTPFields) -> OutgoingRequest? {
        let code = status.code
        guard [301, 302, 303, 307, 308].contains(code), let location = fields[.location],
            let target = url.resolving(location), target.isEncrypted || !url.isEncrypted
        else { return nil }
        var next = self
        next.url = target
        if code == 303 && method != .head || (code == 301 || code == 302) && method == .post {
            next.method = .get
            next.body = []
            for name in [HTTPField.Name.contentType, .contentEncoding, .contentLanguage] { next.fields[name] = nil }
        }
        if target.origin != url.origin {
            for name in [HTTPField.Name.authorization, .cookie, .proxyAuthorization] { next.fields[name] = nil }
        }
        return next
    }
}

private struct FieldInjector: Injector {
    func inject(_ value: String, forKey key: String, into carrier: inout HTTPFields) {
        if let name = HTTPField.Name(key) { carrier[name] = value }
    }
}
