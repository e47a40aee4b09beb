import IgropyrTransport
import IgropyrUV

/// Answers what operators and their tools ask a balancer, on a thread of its own: at once however busy the loops are
/// that balance.
actor AdminServer: LoopBound {
    nonisolated let loop: EventLoop
    private let thread: EventLoopThread
    private var listener: TCPListener?
    private var server: HTTPServer?

    init() throws(UVError) {
        thread = try EventLoopThread(name: "igropyr-admin")
        loop = thread.loop
    }

    /// Clients wait until ``serve(_:)``. A successor shares the address with the balancer whose place it takes, until
    /// that has ended.
    /// - Returns: where, which is of interest if the port was 0.
    func listen(on address: SocketAddress, isShared: Bool) throws(UVError) -> SocketAddress {
        if !isShared, address.port != 0 { Descriptor.close(try ListeningSocket.open(address)) }
        let listener = try TCPListener(on: loop, binding: address, sharingPort: true)
        self.listener = listener
        return listener.localAddress
    }

    func serve(_ balancer: Balancer) throws(UVError) {
        guard let listener else { return }
        self.listener = nil
        var settings = HTTPServerSettings()
        settings.connections = 64
        // Half of them: who watches a balancer has to get through to it beside whoever else reaches the port.
        let clients = ClientLimit(connections: settings.connections / 2)
        settings.idleTimeout = .seconds(15)
        settings.http2.isEnabled = false
        server = try HTTPServer(
            listener: listener, settings: settings, clients: clients, handler: AdminHandler(balancer))
    }

    /// Cuts what is under way and ends the thread.
    /// - Throws: `UV_EBUSY` if something was left open.
    nonisolated func stop() async throws(UVError) {
        await close()
        try await thread.stop()
    }

    private func close() {
        listener?.close()
        listener = nil
        server?.close()
        server = nil
    }
}
