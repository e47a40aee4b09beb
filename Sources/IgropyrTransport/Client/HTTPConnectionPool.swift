public import IgropyrHTTP
public import IgropyrUV

/// What bounds a client; for each loop of it.
public struct HTTPClientSettings: Sendable {
    public var limits = HTTPLimits()
    public var connectTimeout = Duration.seconds(1)
    /// How long TLS may take to be agreed on, from the first request on; no longer than `responseTimeout`.
    public var handshakeTimeout = Duration.seconds(5)
    /// How long a server may make no progress with a response.
    public var responseTimeout = Duration.seconds(30)
    /// How long a connection may rest; less than what servers allow, so that no request meets a closing connection.
    public var idleTimeout = Duration.seconds(4)
    /// Connections to one server; more requests are refused with `.exhausted`.
    public var connectionsPerServer = 1024
    /// Request bytes queued at which a sender should wait for the server.
    public var highWaterBytes = 256 << 10

    public init() {}
}

/// One loop's connections to servers, kept for the next request.
public final class HTTPConnectionPool {
    public let loop: EventLoop
    public let settings: HTTPClientSettings
    let wheel: TimerWheel
    /// For requests that do not ask for another one.
    public var kind: HTTPConnectionKind
    private var servers: [SocketAddress: Server] = [:]
    private var isClosed = false

    private struct Server {
        /// The one used last is at the end, and used first again: the others may grow old and be closed.
        var idle: [HTTPClientConnection] = []
        var all: [ObjectIdentifier: HTTPClientConnection] = [:]
        var attempts: [ObjectIdentifier: ConnectAttempt] = [:]

        mutating func takeIdle(_ kind: HTTPConnectionKind, for client: ProxyHeader) -> HTTPClientConnection? {
            guard let last = idle.last else { return nil }
            if last.kind === kind, last.client == client { return idle.popLast() }
            return idle.lastIndex { $0.kind === kind && $0.client == client }.map { idle.remove(at: $0) }
        }
    }

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
    public var connectionCount: Int { servers.values.reduce(0) { $0 + $1.all.count } }

    /// Finds a connection of that kind which rests, unless it has to be a fresh one, or opens one; calls `onReady` once, at
    /// once if one rests. With ``HTTPConnectionKind/proxyProtocol``, it is one that was opened for the same `client`;
    /// without, that is of no account. `kind` and `timeout` take the place of the pool's own.
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
        connect(to: address, as: kind, for: client, timeout: timeout ?? settings.connectTimeout, onReady: onReady)
    }

    /// Whether one more connection may be opened; the one that has rested longest, for others, gives way.
    private func makeRoom(at address: SocketAddress) -> Bool {
        guard let server = servers[address], server.all.count + server.attempts.count >= settings.connectionsPerServer
        else { return settings.connectionsPerServer > 0 }
        guard let oldest = server.idle.first else { return false }
        oldest.close()
        return true
    }

    private func connect(
        to address: SocketAddress, as kind: HTTPConnectionKind, for client: ProxyHeader, timeout: Duration,
        onReady: @escaping (Result<HTTPClientConnection, HTTPClientFailure>) -> Void
    ) {
        let attempt: ConnectAttempt
        do throws(UVError) {
            attempt = try ConnectAttempt(to: address, timeout: timeout, pool: self)
        } catch {
            return onReady(.failure(HTTPClientFailure(.connection(.network(error)), mayHaveBeenReceived: false)))
        }
        let id = ObjectIdentifier(attempt)
        servers[address, default: Server()].attempts[id] = attempt
        attempt.start { [self] outcome in
            servers[address]?.attempts[id] = nil
            switch outcome {
            case .failure(let cause): onReady(.failure(HTTPClientFailure(cause, mayHaveBeenReceived: false)))
            case .success(let tcp):
                if let version = kind.proxyProtocol { tcp.write(client, version) }
                do throws(TLSError) {
                    let stream = try ByteStream(tcp, tls: kind.tls, serverName: kind.serverName(at: address))
                    let connection = HTTPClientConnection(stream, to: address, as: kind, for: client, pool: self)
                    servers[address, default: Server()].all[ObjectIdentifier(connection)] = connection
                    onReady(.success(connection))
                } catch {
                    onReady(.failure(HTTPClientFailure(.connection(.security(error)), mayHaveBeenReceived: false)))
                }
            }
            forgetIfUnused(address)
        }
    }

    func take(back connection: HTTPClientConnection) {
        guard !isClosed else { return connection.close() }
        servers[connection.address]?.idle.append(connection)
        connection.rest(for: settings.idleTimeout)
    }

    func forget(_ connection: HTTPClientConnection) {
        servers[connection.address]?.all[ObjectIdentifier(connection)] = nil
        servers[connection.address]?.idle.removeAll { $0 === connection }
        forgetIfUnused(connection.address)
    }

    private func forgetIfUnused(_ address: SocketAddress) {
        guard let server = servers[address], server.all.isEmpty, server.attempts.isEmpty else { return }
        servers[address] = nil
    }

    /// Ends every connection to a server of which somebody says that it is gone, which may be long before the network does:
    /// its exchanges fail at once and may be repeated.
    public func disconnect(from address: SocketAddress) {
        guard let server = servers[address] else { return }
        for attempt in server.attempts.values { attempt.fail(.closed) }
        for connection in server.all.values { connection.end(.closed) }
    }

    /// Idempotent. Exchanges under way fail with `.cancelled`.
    public func close() {
        isClosed = true
        for server in servers.values {
            for attempt in server.attempts.values { attempt.fail(.cancelled) }
            for connection in server.all.values { connection.end(.cancelled) }
        }
        servers.removeAll()
        wheel.close()
    }
}

/// A connection that is being opened, for a bounded time.
private final class ConnectAttempt {
    private let tcp: TCPStream
    private let address: SocketAddress
    private let timeout: Duration
    private var timer: WheelTimer?
    private var completion: ((Result<TCPStream, HTTPClientFailure.Cause>) -> Void)?

    init(to address: SocketAddress, timeout: Duration, pool: HTTPConnectionPool) throws(UVError) {
        self.address = address
        self.timeout = timeout
        tcp = try TCPStream(on: pool.loop)
        timer = WheelTimer(on: pool.wheel) { [self] in fail(.timedOut) }
    }

    func start(_ completion: @escaping (Result<TCPStream, HTTPClientFailure.Cause>) -> Void) {
        self.completion = completion
        timer?.arm(after: timeout)
        tcp.connect(to: address) { [self] error in
            if let error { return fail(.connection(.network(error))) }
            finish(.success(tcp))
        }
    }

    func fail(_ cause: HTTPClientFailure.Cause) {
        tcp.close()
        finish(.failure(cause))
    }

    private func finish(_ outcome: Result<TCPStream, HTTPClientFailure.Cause>) {
        timer?.invalidate()
        timer = nil
        let completion = completion
        self.completion = nil
        completion?(outcome)
    }
}

extension TCPStream {
    /// Begins a connection with a PROXY header. Version 1 has no way to say that a connection is the proxy's own: its own
    /// addresses say so.
    fileprivate func write(_ header: ProxyHeader, _ version: ProxyHeader.Version) {
        var header = header
        if header == .local, version == .v1, let localAddress, let peerAddress {
            header = .proxied(source: localAddress, destination: peerAddress)
        }
        unsafe write(header.bytes(version).span.bytes)
    }
}
