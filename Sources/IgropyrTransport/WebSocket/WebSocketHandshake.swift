public import IgropyrHTTP

/// A server's part in opening a WebSocket: what a request asks for, and what to answer (RFC 6455 §4.2, RFC 8441 §5).
public struct WebSocketHandshake: Sendable {
    /// Why a request opens none.
    public enum Refusal: Error, Hashable, Sendable {
        /// It asks for none: 426, with `Upgrade: websocket`.
        case upgradeRequired
        /// It asks for another version than 13: 426, with `Sec-WebSocket-Version: 13`.
        case unsupportedVersion
        /// No key, or one that is none: 400.
        case invalidKey
        /// It has a body, which could not be told from frames: 400.
        case hasBody
        /// It comes from a page of another site: 403; see ``WebSocketSettings/origins``.
        case foreignOrigin
    }

    /// The first of the server's subprotocols that the client speaks, too.
    public let subprotocol: String?
    public let deflate: WebSocketDeflate?
    /// Of the response, besides `Upgrade` and `Connection`.
    public let fields: [(name: String, value: String)]

    /// `bytes` are the head's.
    public init(_ head: MessageHead, _ bytes: RawSpan, _ settings: WebSocketSettings) throws(Refusal) {
        guard head.asksForWebSocket(in: bytes) else { throw .upgradeRequired }
        let offered = Fields(head, bytes)
        guard offered.version == "13" else { throw .unsupportedVersion }
        guard settings.origins.allow(offered.origin, host: head.authority.map { bytes.string(in: $0) }) else {
            throw .foreignOrigin
        }
        var fields: [(name: String, value: String)] = []
        if head.version != .http2 {
            guard head.framing == .none || head.framing == .length(0) else { throw .hasBody }
            guard let key = offered.key, WebSocketKey.isValid(key) else { throw .invalidKey }
            fields.append(("Sec-WebSocket-Accept", WebSocketKey.answer(to: key)))
        }
        subprotocol = settings.subprotocols.first { offered.protocols.contains($0) }
        if let subprotocol { fields.append(("Sec-WebSocket-Protocol", subprotocol)) }
        let accepted = settings.allowsCompression ? WebSocketDeflate.accept(offered.extensions) : nil
        if let accepted { fields.append(("Sec-WebSocket-Extensions", accepted.answer)) }
        deflate = accepted?.agreed
        self.fields = fields
    }

    /// What a request says of the WebSocket that it wants.
    private struct Fields {
        var version: String?
        var key: String?
        var origin: String?
        var protocols: [String] = []
        var extensions: [String] = []

        init(_ head: MessageHead, _ bytes: RawSpan) {
            head.forEachField(in: bytes) { name, value in
                if bytes.matches("sec-websocket-version", in: name) {
                    version = bytes.string(in: value)
                } else if bytes.matches("sec-websocket-key", in: name) {
                    key = key == nil ? bytes.string(in: value) : ""  // Two keys are none (RFC 6455 §11.3.1).
                } else if bytes.matches("origin", in: name) {
                    origin = bytes.string(in: value)
                } else if bytes.matches("sec-websocket-protocol", in: name) {
                    protocols += bytes.string(in: value).listElements
                } else if bytes.matches("sec-websocket-extensions", in: name) {
                    extensions.append(bytes.string(in: value))
                }
            }
        }
    }
}

extension MessageHead {
    /// Whether the client wants to go on with WebSocket: GET with `Upgrade` in HTTP/1.1, an extended CONNECT in HTTP/2.
    /// `bytes` are the head's.
    package func asksForWebSocket(in bytes: RawSpan) -> Bool {
        guard method == (version == .http2 ? .connect : .get), let upgrade else { return false }
        return bytes.string(in: upgrade).listElements.contains { $0.lowercased() == "websocket" }
    }
}

extension WebSocketSettings.Origins {
    fileprivate func allow(_ origin: String?, host: String?) -> Bool {
        guard let origin else { return true }
        switch self {
        case .any: return true
        case .these(let origins): return origins.contains(origin)
        case .sameHost:
            guard let host, let end = origin.firstRange(of: "://")?.upperBound else { return false }
            return origin[end...].lowercased() == host.lowercased()
        }
    }
}

extension String {
    /// Of a comma-separated list.
    fileprivate var listElements: [String] {
        split(separator: ",").map { element in
            String(element.drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
        }
    }
}
