/// A connection in HTTP/2 that is being opened, and who waits for it.
final class HTTP2Opening {
    let kind: HTTPConnectionKind
    let client: ProxyHeader
    var waiting: [(Result<any HTTPClientStream, HTTPClientFailure>) -> Void]

    init(
        as kind: HTTPConnectionKind, for client: ProxyHeader,
        _ onReady: @escaping (Result<any HTTPClientStream, HTTPClientFailure>) -> Void
    ) {
        self.kind = kind
        self.client = client
        waiting = [onReady]
    }

    func hasRoom(_ settings: HTTP2Settings) -> Bool { waiting.count < settings.concurrentStreams }

    func isFor(_ kind: HTTPConnectionKind, _ client: ProxyHeader) -> Bool {
        self.kind === kind && self.client == client
    }
}
