public import IgropyrUV

/// One loop's connections to servers, kept for the next request.
public final class HTTPConnectionPool {
    public let loop: EventLoop
    public let settings: HTTPClientSettings
    let wheel: TimerWheel
    /// For requests that do not ask for another one.
    public var kind: HTTPConnectionKind
    /// Where HTTP/2's connections gather what they write at once, one after the other.
    var frames: [UInt8] = []
    @safe @exclusivity(unchecked)  // Used for each request, where that check shows in the profile.
    private var servers: [SocketAddress: ServerConnections] = [:]
    private var isClosed = false

    public init(
        on loop: EventLoop, settings: HTTPClientSettings = HTTPClientSettings(), kind: HTTPConnectionKind = .plain
    ) throws(UVError) {
        self.loop = loop
        self.settings = settings
        self.kind = kind
        wheel = try TimerWheel(on: loop)
    }

    /// Whether there are connections to a server, or attempts.
    public func isConnected(to address: SocketAddress) -> Bool { servers[address] != nil }

    /// Open connections, to all servers.
    public var connectionCount: Int { servers.values.reduce(0) { $0 + $1.all.count + $1.sessions.count } }

    /// Finds a connection in HTTP/1.1 of that kind which rests, unless it has to be a fresh one, or opens one; calls
    /// `onReady` once, at once if one rests. With ``HTTPConnectionKind/proxyProtocol``, it is one that was opened for
    /// the same `client`; without, that is of no account. `kind` and `timeout` take the place of the pool's own.
    public func connection(
        to address: SocketAddress, as kind: HTTPConnectionKind? = nil, for client: ProxyHeader = .local,
        isFresh: Bool = false, timeout: Duration? = nil,
        onReady: @escaping (Result<HTTPClientConnection, HTTPClientFailure>) -> Void
    ) {
        guard !isClosed else { return onReady(.failure(HTTPClientFailure(.cancelled, mayHaveBeenReceived: false))) }
        let kind = kind ?? self.kind
        let client = kind.proxyProtocol == nil ? .local : client
        if !isFresh, let connection = servers[address]?.takeIdle(kind, for: client) {
            return onReady(.success(connection))
        }
        guard makeRoom(at: address) else {
            return onReady(.failure(HTTPClientFailure(.exhausted, mayHaveBeenReceived: false)))
        }
        let server = server(at: address)
        connect(to: server, as: kind, for: client, timeout: timeout) { [self] outcome in
            onReady(
                outcome.map { stream in
                    let connection = HTTPClientConnection(stream, to: server, as: kind, for: client, pool: self)
                    server.all[ObjectIdentifier(connection)] = connection
                    return connection
                })
        }
    }

    /// The same in the version of HTTP that the kind speaks: in HTTP/2 a stream of a connection that has room, of one
    /// that is being opened, or of another one.
    public func stream(
        to address: SocketAddress, as kind: HTTPConnectionKind? = nil, for client: ProxyHeader = .local,
        isFresh: Bool = false, timeout: Duration? = nil,
        onReady: @escaping (Result<any HTTPClientStream, HTTPClientFailure>) -> Void
    ) {
        let kind = kind ?? self.kind
        let client = kind.proxyProtocol == nil ? .local : client
        guard let http2 = kind.http2 else {
            if !isFresh, let connection = servers[address]?.takeIdle(kind, for: client) {
                return onReady(.success(connection))
            }
            return connection(to: address, as: kind, for: client, isFresh: true, timeout: timeout) { outcome in
                onReady(outcome.map { $0 })
            }
        }
        guard !isClosed else { return onReady(.failure(HTTPClientFailure(.cancelled, mayHaveBeenReceived: false))) }
        if !isFresh, let session = servers[address]?.session(kind, for: client) {
            return onReady(.success(session.makeStream()))
        }
        let openings = servers[address]?.openings ?? []
        if let opening = openings.first(where: { $0.isFor(kind, client) && $0.hasRoom(http2) }) {
            return opening.waiting.append(onReady)
        }
        guard makeRoom(at: address) else {
            return onReady(.failure(HTTPClientFailure(.exhausted, mayHaveBeenReceived: false)))
        }
        openSession(HTTP2Opening(as: kind, for: client, onReady), to: server(at: address), timeout: timeout)
    }

    private func server(at address: SocketAddress) -> ServerConnections {
        if let server = servers[address] { return server }
        let server = ServerConnections(to: address)
        servers[address] = server
        return server
    }

    private func openSession(_ opening: HTTP2Opening, to server: ServerConnections, timeout: Duration?) {
        let (kind, client) = (opening.kind, opening.client)
        server.openings.append(opening)
        connect(to: server, as: kind, for: client, timeout: timeout) { [self] outcome in
            server.openings.removeAll { $0 === opening }
            let session = outcome.flatMap { stream -> Result<HTTP2ClientConnection, HTTPClientFailure> in
                do throws(HTTP2Session.Failure) {
                    return .success(
                        try HTTP2ClientConnection(stream, to: server, as: kind, for: client, pool: self))
                } catch {
                    stream.close()
                    return .failure(HTTPClientFailure(.closed, mayHaveBeenReceived: false))
                }
            }
            if case .success(let session) = session {
                server.sessions.append(session)
                session.start()
            }
            for onReady in opening.waiting { onReady(session.map { $0.makeStream() }) }
        }
    }

    /// Whether one more connection may be opened; the one that has rested longest, for others, gives way.
    private func makeRoom(at address: SocketAddress) -> Bool {
        guard let server = servers[address], server.count >= settings.connectionsPerServer else {
            return settings.connectionsPerServer > 0
        }
        if let oldest = server.idle.first {
            oldest.close()
        } else if let oldest = server.sessions.first(where: \.isResting) {
            oldest.end(.closed)
        } else {
            return false
        }
        return true
    }

    private func connect(
        to server: ServerConnections, as kind: HTTPConnectionKind, for client: ProxyHeader, timeout: Duration?,
        onReady: @escaping (Result<ByteStream, HTTPClientFailure>) -> Void
    ) {
        let attempt: ConnectAttempt
        do throws(UVError) {
            attempt = try ConnectAttempt(to: server.address, timeout: timeout ?? settings.connectTimeout, pool: self)
        } catch {
            onReady(.failure(HTTPClientFailure(.connection(.network(error)), mayHaveBeenReceived: false)))
            return forgetIfUnused(server)
        }
        let id = ObjectIdentifier(attempt)
        server.attempts[id] = attempt
        attempt.start { [self] outcome in
            server.attempts[id] = nil
            switch outcome {
            case .failure(let cause): onReady(.failure(HTTPClientFailure(cause, mayHaveBeenReceived: false)))
            case .success(let tcp):
                if let version = kind.proxyProtocol { tcp.write(client, version) }
                do throws(TLSError) {
                    let name = kind.serverName(at: server.address)
                    let stream = try ByteStream(tcp, tls: kind.tls, serverName: name)
                    onReady(.success(stream))
                } catch {
                    onReady(.failure(HTTPClientFailure(.connection(.security(error)), mayHaveBeenReceived: false)))
                }
            }
            forgetIfUnused(server)
        }
    }

    func take(back connection: HTTPClientConnection) {
        guard !isClosed else { return connection.close() }
        connection.server.idle.append(connection)
        connection.rest(for: settings.idleTimeout)
    }

    func forget(_ connection: HTTPClientConnection) {
        connection.server.all[ObjectIdentifier(connection)] = nil
        connection.server.idle.removeAll { $0 === connection }
        forgetIfUnused(connection.server)
    }

    func forget(_ session: HTTP2ClientConnection) {
        session.server.sessions.removeAll { $0 === session }
        forgetIfUnused(session.server)
    }

    private func forgetIfUnused(_ server: ServerConnections) {
        // A new one may have taken its place.
        guard server.count == 0, server.openings.isEmpty, servers[server.address] === server else { return }
        servers[server.address] = nil
    }

    /// Ends every connection to a server of which somebody says that it is gone, which may be long before the network
    /// does: its exchanges fail at once and may be repeated.
    public func disconnect(from address: SocketAddress) { servers[address]?.end(.closed) }

    /// Idempotent. Exchanges under way fail with `.cancelled`.
    public func close() {
        isClosed = true
        for server in servers.values { server.end(.cancelled) }
        servers.removeAll()
        wheel.close()
    }
}

extension TCPStream {
    /// Begins a connection with a PROXY header. Version 1 has no way to say that a connection is the proxy's own: its
    /// own addresses say so.
    fileprivate func write(_ header: ProxyHeader, _ version: ProxyHeader.Version) {
        var header = header
        if header == .local, version == .v1, let localAddress, let peerAddress {
            header = .proxied(source: localAddress, destination: peerAddress)
        }
        unsafe write(header.bytes(version).span.bytes)
    }
}
