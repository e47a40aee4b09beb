internal import IgropyrHTTP
internal import IgropyrUV

/// A connection whose PROXY header is still to come; an ``HTTPServerConnection`` takes its place then.
final class ProxyGate: OpenConnection {
    private let tcp: TCPStream
    private let server: HTTPServer
    /// Of a header that is not whole yet; ``ProxyHeader/maximumBytes`` and one read bound it.
    private var input: [UInt8] = []
    private var timer: WheelTimer?
    private(set) var isDraining = false
    var place: Int32?
    var client: ClientLimit.Client?

    init(_ tcp: TCPStream, server: HTTPServer) {
        self.tcp = tcp
        self.server = server
    }

    func start() {
        timer = WheelTimer(on: server.wheel) { [self] in
            server.count(\.timeouts)
            abort()
        }
        timer?.arm(after: server.settings.headTimeout)
        tcp.delegate = self
        tcp.startReading()
    }

    private func look(at bytes: RawSpan) {
        do throws(ProxyHeader.Failure) {
            guard let (header, count) = try ProxyHeader.read(bytes) else { return }
            endTimer()
            server.open(tcp, for: header, behind: self, bytes.extracting(droppingFirst: count))
        } catch {
            refuse()
        }
    }

    private func refuse() {
        server.count(\.refusedProxyHeaders)
        abort()
    }

    private func endTimer() {
        timer?.invalidate()
        timer = nil
    }

    /// A header that is on its way is still taken.
    func retire() {
        isDraining = true
        timer?.arm(after: server.settings.drainIdleTimeout)
    }

    func drain() { retire() }

    func abort() {
        guard timer != nil else { return }
        endTimer()
        tcp.close()
        server.didClose(self)
    }
}

extension ProxyGate: TCPStreamDelegate {
    func streamDidRead(_ bytes: RawSpan) {
        guard !input.isEmpty else {
            look(at: bytes)
            if timer != nil { bytes.append(first: bytes.byteCount, to: &input) }
            return
        }
        bytes.append(first: bytes.byteCount, to: &input)
        let kept = input
        unsafe look(at: kept.span.bytes)
    }

    /// Without a header there is nothing to answer.
    func streamDidEnd() { refuse() }
    func streamDidDrain() {}

    func streamDidFail(_ error: UVError) {
        server.count(\.failedConnections)
        abort()
    }
}
