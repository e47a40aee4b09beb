internal import IgropyrUV

/// A pool's connections to one server, those that are being opened among them.
///
/// A class, since each request changes it: in place, whoever has found it. Whoever keeps it saves himself the look-up
/// by address; once its last connection has ended the pool forgets it, and it stays empty.
public final class ServerConnections {
    let address: SocketAddress
    /// In HTTP/1.1, those that rest. The one used last is at the end, and used first again: the others may grow old and
    /// be closed.
    @safe @exclusivity(unchecked)  // Used for each request, where that check shows in the profile.
    var idle: [HTTPClientConnection] = []
    var all: [ObjectIdentifier: HTTPClientConnection] = [:]
    var attempts: [ObjectIdentifier: ConnectAttempt] = [:]
    /// In HTTP/2, in the order in which they were opened: the first that has room is used.
    var sessions: [HTTP2ClientConnection] = []
    var openings: [HTTP2Opening] = []

    init(to address: SocketAddress) { self.address = address }

    var count: Int { all.count + attempts.count + sessions.count }

    func session(_ kind: HTTPConnectionKind, for client: ProxyHeader) -> HTTP2ClientConnection? {
        sessions.first { $0.kind === kind && $0.client == client && $0.hasRoom }
    }

    /// A connection in HTTP/1.1 of that kind which rests, and from now on does not; nil if there is none. What
    /// ``HTTPConnectionPool/stream(to:as:for:isFresh:timeout:onReady:)`` looks for first, for callers that would rather
    /// make no closure for what is the rule.
    public func restingConnection(
        as kind: HTTPConnectionKind, for client: ProxyHeader = .local
    ) -> HTTPClientConnection? {
        takeIdle(kind, for: kind.proxyProtocol == nil ? .local : client)
    }

    func takeIdle(_ kind: HTTPConnectionKind, for client: ProxyHeader) -> HTTPClientConnection? {
        guard let last = idle.last else { return nil }
        if last.kind === kind, last.client == client { return idle.popLast() }
        return idle.lastIndex { $0.kind === kind && $0.client == client }.map { idle.remove(at: $0) }
    }

    func end(_ cause: HTTPClientFailure.Cause) {
        for attempt in attempts.values { attempt.fail(cause) }
        for connection in all.values { connection.end(cause) }
        for session in sessions { session.end(cause) }
    }
}
