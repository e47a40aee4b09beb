internal import IgropyrTransport
internal import IgropyrUV

/// One loop of a server that runs: a thread, a listener and the connections that it accepted.
actor ServerLoop: LoopBound {
    /// How long tasks may take to end once their clients are cut off.
    static let cancellationGrace = Duration.seconds(1)

    nonisolated let loop: EventLoop
    private let thread: EventLoopThread
    /// Nil once the listener has it.
    private var socket: Int32?
    private var dispatcher: RequestDispatcher?
    private var server: HTTPServer?
    private var wheel: TimerWheel?
    private var haveTasksEnded = false
    private var loopWillEnd: (@Sendable (EventLoop) -> Void)?
    /// Makes who watches requests, by the logs that are there then.
    private var makeObserver: (() -> RequestObserver?)?

    /// Takes over the socket unless it throws.
    init(number: Int, socket: Int32) throws(UVError) {
        thread = try EventLoopThread(name: "igropyr-\(number)")
        loop = thread.loop
        self.socket = socket
    }

    /// Accepts connections from now on. Call it once.
    func serve(_ app: App.Definition, _ tls: ServerTLS?, _ shared: SharedParts) throws(UVError) {
        guard let socket = socket.take() else { return }
        let listener = try TCPListener(on: loop, owning: socket)
        let wheel: TimerWheel
        do throws(UVError) {
            wheel = try TimerWheel(on: loop)
        } catch {
            listener.close()
            throw error
        }
        self.wheel = wheel
        let dispatcher = RequestDispatcher(app, shared, on: wheel)
        makeObserver = { RequestObserver(app, shared, on: wheel) }
        loopWillEnd = app.configuration.loopWillEnd
        var settings = app.configuration.server
        if let timeout = tls?.handshakeTimeout { settings.handshakeTimeout = timeout }
        settings.http2.allowsExtendedConnect = true  // For WebSockets, whether there are routes for any or not.
        server = try HTTPServer(
            listener: listener, settings: settings, tls: tls?.context, clients: shared.clients, handler: dispatcher)
        self.dispatcher = dispatcher
    }

    /// Connections from now on get the new certificates, or keys.
    func replace(_ tls: TLSContext) { server?.tls = tls }

    /// Requests from now on may choose among all access logs that are open by now.
    func takeLogs() { dispatcher?.observe(by: makeObserver?()) }

    /// Returns if the loop is alive.
    func answer() {}

    /// As ``finish(drainTimeout:)`` and ``end()``.
    nonisolated func stop(drainTimeout: Duration) async throws(UVError) -> Bool {
        await finish(drainTimeout: drainTimeout)
        return try await end()
    }

    /// Accepts nothing more, and lets requests in flight finish.
    func finish(drainTimeout: Duration) async {
        if let socket = socket.take() { Descriptor.close(socket) }
        await server?.drain(timeout: drainTimeout)
        haveTasksEnded = await dispatcher?.waitUntilIdle(on: loop, atMost: Self.cancellationGrace) ?? true
        dispatcher?.finish()
        loopWillEnd?(loop)
        guard haveTasksEnded else { return }
        wheel?.close()
        makeObserver = nil
        dispatcher = nil
        server = nil
    }

    /// Ends the thread, once ``finish(drainTimeout:)`` has returned.
    /// - Returns: Whether all handlers have ended. One that heeds no cancellation keeps its thread.
    nonisolated func end() async throws(UVError) -> Bool {
        guard await haveTasksEnded else { return false }
        try await thread.stop()  // Not on the loop: nothing could resume there afterwards.
        return true
    }
}
