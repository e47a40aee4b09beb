internal import IgropyrGossip
internal import IgropyrUV

/// A connection that another member opened: one message in, at most one out, then the end; unless it becomes a link,
/// which stays open until the other side or ``close()`` ends it.
final class InboundExchange: TCPStreamDelegate {
    typealias Request = Result<StreamMessage, WireError>

    enum Answer {
        case close
        case reply([UInt8])
        case link([UInt8])
    }

    /// Nil for one that had gone before it could be asked.
    let source: SocketAddress.Host?
    private let stream: TCPStream
    private var reader: StreamReader
    private var isAnswered = false
    private var isLink = false
    private var deadline: WheelTimer?
    private var onRequest: ((InboundExchange, Request) -> Answer)?
    private var onClose: ((InboundExchange) -> Void)?

    /// `onRequest`: Called once at most, for the reply. `onClose`: called once.
    init(
        _ stream: TCPStream, from source: SocketAddress.Host?, reader: StreamReader, timeout: Duration,
        wheel: TimerWheel,
        onRequest: @escaping (InboundExchange, Request) -> Answer, onClose: @escaping (InboundExchange) -> Void
    ) {
        self.source = source
        self.stream = stream
        self.reader = reader
        self.onRequest = onRequest
        self.onClose = onClose
        deadline = WheelTimer(on: wheel) { [self] in close() }
        deadline?.arm(after: timeout)
        stream.delegate = self
        stream.startReading()
    }

    /// Idempotent.
    func close() {
        let closed = onClose
        onClose = nil
        onRequest = nil
        deadline?.invalidate()
        stream.close()
        closed?(self)
    }

    func streamDidRead(_ bytes: RawSpan) {
        // Once answered, read on until the peer closes: to close first would reset the connection under the answer.
        guard !isAnswered else { return }
        do throws(WireError) {
            guard let message = try reader.read(bytes.copied) else { return }
            answer(.success(message))
        } catch {
            answer(.failure(error))
        }
    }

    private func answer(_ request: Request) {
        isAnswered = true
        let answer = onRequest?(self, request) ?? .close
        onRequest = nil
        switch answer {
        case .close: close()
        case .reply(let bytes):
            stream.write(bytes)
            stream.endWriting()
        case .link(let bytes):
            isLink = true
            deadline?.invalidate()
            stream.setKeepAlive(after: MembershipConfiguration.linkKeepAlive)
            stream.write(bytes)
        }
    }

    func streamDidEnd() {
        if !isAnswered || isLink || stream.queuedBytes == 0 { close() }
    }

    func streamDidDrain() {}

    func streamDidFail(_ error: UVError) { close() }
}
