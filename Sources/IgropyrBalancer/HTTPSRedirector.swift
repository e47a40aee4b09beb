import IgropyrHTTP
import IgropyrTransport

/// Sends each request to the same place by HTTPS. Stays on its loop.
final class HTTPSRedirector: HTTPRequestHandler {
    private let port: UInt16

    init(port: UInt16) { self.port = port }

    func handle(_ head: MessageHead, _ bytes: RawSpan, on connection: any HTTPServerStream) {
        guard let location = location(head, bytes) else { return Refusal.badRequest.answer(on: connection) }
        Refusal.redirect(to: location, status: 308).answer(on: connection)
    }

    /// Nil for a request that names no host, and for one that is about no resource.
    private func location(_ head: MessageHead, _ bytes: RawSpan) -> [UInt8]? {
        guard let authority = head.authority, !authority.isEmpty, !head.path.isEmpty, head.method != .connect else {
            return nil
        }
        let end = head.query?.upperBound ?? head.path.upperBound
        let host = bytes.array(in: authority)
        let name = host[..<(Self.portStart(host) ?? host.count)]
        return Array("https://".utf8) + name + Array((port == 443 ? "" : ":\(port)").utf8)
            + bytes.array(in: head.path.lowerBound..<end)
    }

    private static func portStart(_ host: [UInt8]) -> Int? {
        guard let colon = host.lastIndex(of: UInt8(ascii: ":")) else { return nil }
        return host[(colon + 1)...].allSatisfy { (0x30...0x39).contains($0) } ? colon : nil
    }
}
