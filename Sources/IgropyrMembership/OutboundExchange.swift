internal import IgropyrGossip
internal import IgropyrTime
internal import IgropyrUV

/// A connection that we open to another member: one message out, one in, then the end.
final class OutboundExchange: TCPStreamDelegate {
    typealias Reply = Result<StreamMessage, StreamFailure>

    private let stream: TCPStream
    private var reader: StreamReader
    private var deadline: WheelTimer?
    private var onReply: ((Reply) -> Void)?

    /// `onReply`: Called once, later, unless ``close()`` comes first.
    init(
        _ request: StreamRequest, reader: StreamReader, wheel: TimerWheel, onReply: @escaping (Reply) -> Void
    ) throws(UVError) {
        stream = try TCPStream(on: wheel.loop)
        self.reader = reader
        self.onReply = onReply
        deadline = WheelTimer(on: wheel) { [self] in finish(.failure(.timedOut)) }
        deadline?.arm(at: request.deadline)
        stream.delegate = self
        stream.connect(to: SocketAddress(request.address)) { [weak self] error in
            self?.didConnect(error, sending: request.bytes)
        }
    }

    private func didConnect(_ error: UVError?, sending bytes: [UInt8]) {
        guard onReply != nil else { return }
        if let error { return finish(.failure(.unreachable(error.reason))) }
        stream.startReading()
        stream.write(bytes)
    }

    /// Idempotent; nothing is reported any more.
    func close() {
        onReply = nil
        deadline?.invalidate()
        stream.close()
    }

    private func finish(_ reply: Reply) {
        let report = onReply
        close()
        report?(reply)
    }

    func streamDidRead(_ bytes: RawSpan) {
        do throws(WireError) {
            guard let message = try reader.read(bytes.copied) else { return }
            finish(.success(message))
        } catch {
            finish(.failure(.unreadable(error)))
        }
    }

    func streamDidEnd() {
        finish(.failure(reader.isInsideMessage ? .unreadable(.truncated(missing: 1)) : .closedWithoutReply))
    }

    func streamDidDrain() {}

    func streamDidFail(_ error: UVError) {
        let isReset = error.code == UVError.connectionReset || error.code == UVError.brokenPipe
        finish(.failure(isReset ? .closedWithoutReply : .unreachable(error.reason)))
    }
}
