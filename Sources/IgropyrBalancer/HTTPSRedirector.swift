import IgropyrHTTP
import IgropyrTransport

/// Sends each request to the same place by HTTPS. Stays on its loop.
final class HTTPSRedirector: HTTPRequestHandler {
    private let target: RedirectTarget

    init(port: UInt16) {
        let place = port == 443 ? "https://{host}/{uri}" : "https://{host}:\(port)/{uri}"
        do {
            target = try RedirectTarget(place)
        } catch {
            preconditionFailure("\(error)")  // Not reached: only the port varies.
        }
    }

    func handle(_ head: MessageHead, _ bytes: RawSpan, on connection: any HTTPServerStream) {
        guard head.method != .connect, !head.path.isEmpty, let location = target.location(of: head, bytes) else {
            return Refusal.badRequest.answer(on: connection)
        }
        Refusal.redirect(to: location, status: 308).answer(on: connection)
    }
}
