internal import IgropyrTransport
internal import IgropyrUV

/// Finds out whether a worker that is to take requests by TLS only does so: begins a handshake with it as a balancer
/// would. Stays on its loop.
///
/// The socket is the node's and takes connections before there is a program: the answer comes when there is. One who
/// waits for the end of a line that no handshake has is told after a while that no more will come.
final class HandshakeProbe {
    enum Verdict {
        case encrypted
        /// It answers in plain text, or ends the connection without a word.
        case plain
    }

    private static let patience = Duration.seconds(1)
    private static let pause = Duration.milliseconds(100)

    private let address: SocketAddress
    private let tls: TLSContext
    private let loop: EventLoop
    private let timer: Timer
    private var report: ((Verdict) -> Void)?
    private var stream: TCPStream?
    private var session: TLSSession?

    /// Calls `report` once, on the loop, unless it is stopped before. `tls` is a client's.
    init(
        at address: SocketAddress, tls: TLSContext, on loop: EventLoop, report: @escaping (Verdict) -> Void
    ) throws(UVError) {
        self.address = address
        self.tls = tls
        self.loop = loop
        self.report = report
        timer = try Timer(on: loop)
        begin()
    }

    /// Idempotent. Nothing is reported any more.
    func stop() {
        report = nil
        timer.close()
        hangUp()
    }

    private func begin() {
        guard let stream = try? TCPStream(on: loop) else { return tryAgain() }
        self.stream = stream
        stream.delegate = self
        stream.connect(to: address) { [self] error in
            guard self.stream === stream else { return }
            guard error == nil, let session = try? TLSSession(tls) else { return tryAgain() }
            self.session = session
            session.takeCiphertext { stream.write($0) }
            stream.startReading()
            start(after: Self.patience) { stream.endWriting() }
        }
    }

    private func tryAgain() {
        hangUp()
        guard report != nil else { return }
        start(after: Self.pause) { [self] in begin() }
    }

    private func start(after delay: Duration, _ onFire: @escaping () -> Void) {
        try? timer.start(after: delay, onFire: onFire)  // Fails only once closed.
    }

    private func hangUp() {
        stream?.close()
        (stream, session) = (nil, nil)
    }

    private func conclude(_ verdict: Verdict) {
        let report = report
        stop()
        report?(verdict)
    }

    /// The last message of the handshake and the end, so that the worker sees nothing cut.
    private func sayGoodbye(_ session: TLSSession) {
        session.close()
        session.takeCiphertext { stream?.write($0) }
        stream?.closeAfterWriting()
        stream = nil
    }
}

extension HandshakeProbe: TCPStreamDelegate {
    func streamDidRead(_ bytes: RawSpan) {
        guard let session else { return }
        do throws(TLSError) {
            try session.receive(ciphertext: bytes)
            guard session.state == .open else { return session.takeCiphertext { stream?.write($0) } }
            sayGoodbye(session)
            conclude(.encrypted)
        } catch {
            if error.code == .notTLS { conclude(.plain) } else { tryAgain() }
        }
    }

    func streamDidEnd() { conclude(.plain) }
    func streamDidDrain() {}
    func streamDidFail(_ error: UVError) { tryAgain() }
}
