internal import IgropyrGossip
internal import IgropyrUV

/// A connection that another member opened: one message in, at most one out, then the end.
final class InboundExchange: TCPStreamDelegate {
    typealias Request = Result<StreamMessage, WireError>

    private let stream: TCPStream
    private var reader: StreamReader
    private var isAnswered = false
    private var deadline: WheelTimer?
    private var onRequest: ((Request) -> [UInt8]?)?
    private var onClose: ((InboundExchange) -> Void)?

    /// `onRequest`: Called once at most, for the reply. `onClose`: called once.
    init(
        _ stream: TCPStream, reader: StreamReader, timeout: Duration, wheel: TimerWheel,
        onRequest: @escaping (Request) -> [UInt8]?, onClose: @escaping (InboundExchange) -> Void
    ) {
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
        guard let reply = onRequest?(request) else { return close() }
        onRequest = nil
        stream.write(reply)
        stream.endWriting()
    }

    func streamDidEnd() {
        if !isAnswered || stream.queuedBytes == 0 { close() }
    }

    func streamDidDrain() {}

    func streamDidFail(_ error: UVError) { close() }
}
