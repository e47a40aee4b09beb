public import IgropyrHTTP
public import IgropyrUV

/// What bounds a client; for each loop of it.
public struct HTTPClientSettings: Sendable {
    public var limits = HTTPLimits()
    public var connectTimeout = Duration.seconds(1)
    /// How long a server may make no progress with a response.
    public var responseTimeout = Duration.seconds(30)
    /// How long a connection may rest; less than what servers allow, so that no request meets a closing connection.
    public var idleTimeout = Duration.seconds(4)
    /// Connections to one server; more requests are refused with `.exhausted`.
    public var connectionsPerServer = 1024
    /// Request bytes queued at which a sender should wait for the server.
    public var highWaterBytes = 256 << 10
    /// Whether each connection begins with a PROXY header, before TLS, and of which version. It then belongs to the one client
    /// that the header names, by address and port, and no other client's request goes by it: fewer connections are
    /// used again.
    public var proxyProtocol: ProxyHeader.Version?

    public init() {}
}

/// One loop's connections to servers, kept for the next request.
public final class HTTPConnectionPool {
    public let loop: EventLoop
    public let settings: HTTPClientSettings
    let wheel: TimerWheel
    /// For connections from now on; of the kind that it was made with, since those that rest stay.
    public var tls: TLSContext?
    /// Whom to expect, for a context that verifies certificates; nil: the address that is called.
    let serverName: String?
    private var servers: [SocketAddress: Server] = [:]
    private var isClosed = false

    private struct Server {
        /// The one used last is at the end, and used first again: the others may grow old and be closed.
        var idle: [HTTPClientConnection] = []
        var all: [ObjectIdentifier: HTTPClientConnection] = [:]
        var attempts: [ObjectIdentifier: ConnectAttempt] = [:]

        mutating func takeIdle(for client: ProxyHeader) -> HTTPClientConnection? {
            if idle.last?.client == client { return idle.popLast() }
            return idle.lastIndex { $0.client == client }.map { idle.remove(at: $0) }
        }
    }

    /// With `tls`, every connection is encrypted. Where certificates prove the servers, they must carry `serverName`, or
    /// the address that is called if none is given.
    public init(
        on loop: EventLoop, settings: HTTPClientSettings = HTTPClientSettings(), tls: TLSContext? = nil,
        serverName: String? = nil
    ) throws(UVError) {
        self.loop = loop
        self.settings = settings
        self.tls = tls
        self.serverName = serverName
        wheel = try TimerWheel(on: loop)
    }

    /// Whether there are connections to a server, or attempts.
    public func isConnected(to address: SocketAddress) -> Bool { servers[address] != nil }

    /// Open connections, to all servers.
    public var connectionCount: Int { servers.values.reduce(0) { $0 + $1.all.count } }

    /// Finds a connection that rests, unless it has to be a fresh one, or opens one; calls `onReady` once, at once if
    /// one rests. With ``HTTPClientSettings/proxyProtocol``, it is one that was opened for the same `client`; without, that
    /// is of no account. `timeout` takes the place of ``HTTPClientSettings/connectTimeout``.
    public func connection(
        to address: SocketAddress, for client: ProxyHeader = .local, isFresh: Bool = false, timeout: Duration? = nil,
        onReady: @escaping (Result<HTTPClientConnection, HTTPClientFailure>) -> Void
    ) {
        guard !isClosed else { return onReady(.failure(HTTPClientFailure(.cancelled, mayHaveBeenReceived: false))) }
        let client = settings.proxyProtocol == nil ? .local : client
        if !isFresh, let connection = servers[address]?.takeIdle(for: client) { return onReady(.success(connection)) }
        guard makeRoom(at: address) else {
            return onReady(.failure(HTTPClientFailure(.exhausted, mayHaveBeenReceived: false)))
        }
        connect(to: address, for: client, timeout: timeout ?? settings.connectTimeout, onReady: onReady)
    }

    /// Whether one more connection may be opened; one that rests for another client, longest, gives way.
    private func makeRoom(at address: SocketAddress) -> Bool {
        guard let server = servers[address], server.all.count + server.attempts.count >= settings.connectionsPerServer
        else { return settings.connectionsPerServer > 0 }
        guard settings.proxyProtocol != nil, let oldest = server.idle.first else { return false }
        oldest.close()
        return true
    }

    private func connect(
        to address: SocketAddress, for client: ProxyHeader, timeout: Duration,
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
                if let version = settings.proxyProtocol { tcp.write(client, version) }
                do throws(TLSError) {
                    let stream = try ByteStream(tcp, tls: tls, serverName: tls == nil ? nil : expectedName(at: address))
                    let connection = HTTPClientConnection(stream, address: address, client: client, pool: self)
                    servers[address, default: Server()].all[ObjectIdentifier(connection)] = connection
                    onReady(.success(connection))
                } catch {
                    onReady(.failure(HTTPClientFailure(.connection(.security(error)), mayHaveBeenReceived: false)))
                }
            }
            forgetIfUnused(address)
        }
    }

    private func expectedName(at address: SocketAddress) -> String { serverName ?? address.hostText }

    /// What requests to `address` name as their host.
    func host(of address: SocketAddress) -> String {
        guard let serverName else { return address.description }
        return address.port == 443 ? serverName : "\(serverName):\(address.port)"
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
