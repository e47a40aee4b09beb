import IgropyrHTTP
import IgropyrTransport

/// Another protocol that a client wants to go on with, such as WebSocket, on its way to a worker.
///
/// Workers are asked in HTTP/1.1. For a client of HTTP/2, which asks by an extended CONNECT (RFC 8441), the balancer
/// plays the part of the WebSocket handshake that HTTP/2 does without.
struct Upgrade {
    /// As the client sent it, maybe several.
    let names: String
    /// What the worker must answer to; nil where the client has its own.
    let key: String?

    /// Nil if the request asks for none that may pass: then it goes on without.
    init?(_ head: MessageHead, _ bytes: RawSpan) {
        guard let upgrade = head.upgrade else { return nil }
        names = bytes.string(in: upgrade)
        let list = Self.elements(names)
        if head.version == .http2 {
            guard head.method == .connect, list == ["websocket"] else { return nil }
            key = WebSocketKey.make()
        } else {
            guard head.framing == .none || head.framing == .length(0), head.method != .connect else { return nil }
            // HTTP in a tunnel would pass by all that a proxy looks at.
            guard !list.contains(where: { $0 == "h2c" || $0.hasPrefix("http/") || $0.hasPrefix("tls/") }) else {
                return nil
            }
            key = nil
        }
    }

    /// The protocol that a worker's 101 agrees to; nil if that is none of those asked for.
    func protocolAgreed(by head: MessageHead, _ bytes: RawSpan) -> String? {
        guard let upgrade = head.upgrade else { return nil }
        let name = bytes.string(in: upgrade)
        guard Self.elements(names).contains(name.lowercased()) else { return nil }
        guard let key else { return name }
        let answer = head.value(of: "sec-websocket-accept", in: bytes).map { bytes.string(in: $0) }
        return answer == WebSocketKey.answer(to: key) ? name : nil
    }

    private static func elements(_ list: String) -> [String] {
        list.lowercased().split { $0 == "," || $0 == " " || $0 == "\t" }.map(String.init)
    }
}
