public import IgropyrHTTP
public import IgropyrUV

/// Answers requests; one for each loop, and only ever called there.
public protocol HTTPRequestHandler: AnyObject {
    /// A request's head has arrived; its bytes are lent for the length of the call. Answer on the connection, now or
    /// later; to hear of the body and of the client's going away, set ``HTTPServerStream/exchange`` before this
    /// returns.
    func handle(_ head: MessageHead, _ bytes: RawSpan, on connection: any HTTPServerStream)
    /// One more connection is open, or one less.
    func connectionCountDidChange(by change: Int)
    /// A request was answered with an error before it could be handled.
    func requestWasRefused(status: Int, on connection: any HTTPServerStream)
}

extension HTTPRequestHandler {
    public func connectionCountDidChange(by change: Int) {}
    public func requestWasRefused(status: Int, on connection: any HTTPServerStream) {}
}

/// One loop's share of a server: a listener and its connections.
public final class HTTPServer {
    public let loop: EventLoop
    public let settings: HTTPServerSettings
    @safe @exclusivity(unchecked)  // Used for each request, where that check shows in the profile.
    public private(set) var counters = HTTPServerCounters()
    let commonFields: CommonFields
    let wheel: TimerWheel
    private let listener: TCPListener
    let handler: any HTTPRequestHandler
    /// For connections that are accepted from now on; those that are open keep theirs.
    public var tls: TLSContext? {
        didSet { if awaitsTLS, tls != nil { beginAccepting() } }
    }
    private var awaitsTLS: Bool
    private let clients: ClientLimit?
    private var connections: [any OpenConnection] = []
    /// Memory for what HTTP/1.1's connections write, lent to one that has something to write.
    @safe @exclusivity(unchecked) var spareOutput = HTTPSerializer()
    /// Where HTTP/2's connections gather what they write at once, one after the other.
    var frames: [UInt8] = []
    private var state = State.open

    private enum State {
        case open
        case draining(Timer, onDrained: [() -> Void])
        case closed
    }

    /// What a server speaks above TLS, by the names that ALPN has for it, best first. One whose
    /// ``HTTP2Settings/isEnabled`` is false takes a context made for `http/1.1` only.
    public static let applicationProtocols = ["h2", "http/1.1"]

    /// Begins to accept at once, or, if it `awaitsTLS`, once ``tls`` is set: who comes earlier waits in the backlog.
    /// The listener belongs to the server from here on; it is closed if this throws. Several loops' servers may share
    /// `clients`.
    public init(
        listener: TCPListener, settings: HTTPServerSettings = HTTPServerSettings(), tls: TLSContext? = nil,
        awaitsTLS: Bool = false, clients: ClientLimit? = nil, handler: any HTTPRequestHandler
    ) throws(UVError) {
        loop = listener.loop
        self.listener = listener
        self.settings = settings
        self.tls = tls
        self.awaitsTLS = awaitsTLS
        self.clients = clients
        self.handler = handler
        commonFields = CommonFields(on: loop, serverName: settings.serverName)
        do throws(UVError) {
            wheel = try TimerWheel(on: loop)
        } catch {
            listener.close()
            throw error
        }
        do throws(UVError) {
            try listener.start { [self] stream in accept(stream) }
            if awaitsTLS { listener.pause() }
        } catch {
            close()
            throw error
        }
    }

    private func beginAccepting() {
        awaitsTLS = false
        listener.resume()
    }

    public var localAddress: SocketAddress { listener.localAddress }
    public var connectionCount: Int { connections.count }
    var isDraining: Bool { if case .draining = state { true } else { false } }

    /// Stops accepting, lets requests in flight finish, and closes each connection after its response; those that have
    /// not finished after `timeout` are cut. Calls `onDrained` when none is left, perhaps at once. Called again, it
    /// waits, too, but the first call's `timeout` holds.
    public func drain(timeout: Duration, onDrained: @escaping () -> Void) {
        switch state {
        case .open: break
        case .draining(let timer, let others): return state = .draining(timer, onDrained: others + [onDrained])
        case .closed: return onDrained()
        }
        listener.close()
        guard let timer = try? Timer(on: loop) else {
            close()
            return onDrained()
        }
        state = .draining(timer, onDrained: [onDrained])
        try? timer.start(after: timeout) { [self] in
            for connection in connections { connection.abort() }
        }
        for connection in connections { connection.drain() }
        finishIfDrained()
    }

    /// As ``drain(timeout:onDrained:)``; returns when no connection is left.
    public func drain(timeout: Duration) async {
        await withCheckedContinuation { continuation in drain(timeout: timeout) { continuation.resume() } }
    }

    /// Has each client connect anew for its next request: ``tls``, say, no longer lets in what it let in before. What
    /// is under way goes on.
    public func retireConnections() {
        for connection in connections { connection.retire() }
    }

    /// Idempotent. Cuts all connections.
    public func close() {
        let before = state
        state = .closed
        listener.close()
        for connection in connections { connection.abort() }
        wheel.close()
        guard case .draining(let timer, let onDrained) = before else { return }
        timer.close()
        for call in onDrained { call() }
    }

    // MARK: Connections

    private func accept(_ stream: TCPStream) {
        counters.accepted &+= 1
        if case .required(let networks) = settings.proxyProtocol { return awaitHeader(on: stream, from: networks) }
        guard let connection = open(stream, .local) else { return }
        add(connection)
        connection.start()
    }

    private func add(_ connection: any OpenConnection) {
        connection.place = Int32(connections.count)
        connections.append(connection)
        if connections.count >= settings.connections { listener.pause() }
        handler.connectionCountDidChange(by: 1)
    }

    private func awaitHeader(on stream: TCPStream, from networks: [IPNetwork]) {
        guard let peer = stream.peerAddress, networks.contains(peer.host) else {
            counters.refusedConnections &+= 1
            return stream.close()
        }
        let gate = ProxyGate(stream, server: self)
        add(gate)
        gate.start()
    }

    /// The header that `gate` waited for has come, and `rest` behind it.
    func open(_ stream: TCPStream, for header: ProxyHeader, behind gate: ProxyGate, _ rest: RawSpan) {
        guard let connection = open(stream, header) else { return didClose(gate) }
        gate.client = connection.client
        replace(gate, by: connection)
        connection.start()
        if gate.isDraining { connection.drain() }
        if rest.byteCount > 0 { connection.stream.streamDidRead(rest) }
    }

    /// Nil, and the connection is closed, if the client has enough connections already.
    private func open(_ stream: TCPStream, _ header: ProxyHeader) -> HTTPServerConnection? {
        let client = clients.map { _ in ClientLimit.Client(header.source ?? stream.peerAddress) }
        guard let clients, let client else { return make(stream, header) }
        guard clients.enter(client) else {
            counters.refusedConnections &+= 1
            stream.close()
            return nil
        }
        let connection = make(stream, header)
        connection?.client = client
        if connection == nil { clients.leave(client) }
        return connection
    }

    /// Nil, and the connection is closed, if OpenSSL has no memory.
    private func make(_ stream: TCPStream, _ header: ProxyHeader) -> HTTPServerConnection? {
        guard let stream = try? ByteStream(stream, tls: tls, proxyHeader: header) else { return nil }
        return HTTPServerConnection(stream, server: self)
    }

    /// The client speaks another version of HTTP than was thought.
    func replace(_ connection: any OpenConnection, by other: any OpenConnection) {
        guard let place = connection.place else { return }
        connection.place = nil
        other.place = place
        other.client = connection.client
        connections[Int(place)] = other
    }

    func didClose(_ connection: any OpenConnection) {
        guard let place = connection.place else { return }
        connection.place = nil
        let last = connections.removeLast()
        if place < connections.count {
            connections[Int(place)] = last
            last.place = place
        }
        if let client = connection.client { clients?.leave(client) }
        handler.connectionCountDidChange(by: -1)
        if connections.count < settings.connections { listener.resume() }
        finishIfDrained()
    }

    private func finishIfDrained() {
        if case .draining = state, connections.isEmpty { close() }
    }

    func count(_ counter: WritableKeyPath<HTTPServerCounters, UInt64>) { counters[keyPath: counter] &+= 1 }
}

/// A client's connection, whatever the version of HTTP.
protocol OpenConnection: AnyObject {
    /// Among its server's connections; nil once it is none of them. The server's, as is ``client``.
    var place: Int32? { get set }
    /// Whose connections this counts among; nil if nobody counts, or it is not known yet.
    var client: ClientLimit.Client? { get set }
    /// Closes once what is under way is done, which is told to hurry.
    func drain()
    /// Closes once what is under way is done, however long that takes.
    func retire()
    /// Cuts it at once.
    func abort()
}
