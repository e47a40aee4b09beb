import IgropyrHTTP
import IgropyrTransport

/// Sends each request to the same place by HTTPS, but for those of certificate authorities, which come before there is
/// any certificate. Stays on its loop.
final class HTTPSRedirector: HTTPRequestHandler {
    private let target: RedirectTarget
    private let challenges: ChallengeAnswers

    init(port: UInt16, _ challenges: ChallengeAnswers) {
        self.challenges = challenges
        let place = port == 443 ? "https://{host}/{uri}" : "https://{host}:\(port)/{uri}"
        do {
            target = try RedirectTarget(place)
        } catch {
            preconditionFailure("\(error)")  // Not reached: only the port varies.
        }
    }

    func handle(_ head: MessageHead, _ bytes: RawSpan, on connection: any HTTPServerStream) {
        if let answer = challenges.answer(to: head, bytes) { return answer.answer(on: connection) }
        guard head.method != .connect, !head.path.isEmpty, let location = target.location(of: head, bytes) else {
            return Refusal.badRequest.answer(on: connection)
        }
        Refusal.redirect(to: location, status: 308).answer(on: connection)
    }
}
