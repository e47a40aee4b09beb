internal import IgropyrGossip
internal import IgropyrUV

/// A connection that we open to another member: one message out, one in, then the end; unless it is to stay open as a
/// link.
final class OutboundExchange: TCPStreamDelegate {
    typealias Reply = Result<StreamMessage, StreamFailure>

    private let stream: TCPStream
    private var reader: StreamReader
    private var deadline: WheelTimer?
    private var onReply: ((Reply) -> Void)?
    private var onLinkClose: (() -> Void)?

    /// `onReply`: Called once, later, unless ``close()`` comes first. `onLinkClose`: called once after it, if the
    /// request is for a link and the other side ends it.
    init(
        _ request: StreamRequest, to address: SocketAddress, reader: StreamReader, wheel: TimerWheel,
        onReply: @escaping (Reply) -> Void, onLinkClose: @escaping () -> Void
    ) throws(UVError) {
        stream = try TCPStream(on: wheel.loop)
        self.reader = reader
        self.onReply = onReply
        if request.staysOpen { self.onLinkClose = onLinkClose }
        deadline = WheelTimer(on: wheel) { [self] in finish(.failure(.timedOut)) }
        deadline?.arm(at: request.deadline)
        stream.delegate = self
        stream.connect(to: address) { [weak self] error in
            self?.didConnect(error, sending: request.bytes)
        }
    }

    private func didConnect(_ error: UVError?, sending bytes: [UInt8]) {
        guard onReply != nil else { return }
        if let error { return finish(.failure(Self.failure(error))) }
        stream.startReading()
        stream.write(bytes)
    }

    /// Idempotent; nothing is reported any more.
    func close() {
        onReply = nil
        onLinkClose = nil
        deadline?.invalidate()
        stream.close()
    }

    private func finish(_ reply: Reply) {
        let report = onReply
        onReply = nil
        if case .success = reply, onLinkClose != nil {
            deadline?.invalidate()
            stream.setKeepAlive(after: MembershipConfiguration.linkKeepAlive)
        } else {
            close()
        }
        report?(reply)
    }

    /// True if the end is a link's and thus told.
    private func endLink() -> Bool {
        guard onReply == nil, let report = onLinkClose else { return false }
        close()
        report()
        return true
    }

    func streamDidRead(_ bytes: RawSpan) {
        guard onReply != nil else { return }
        do throws(WireError) {
            guard let message = try reader.read(bytes.copied) else { return }
            finish(.success(message))
        } catch {
            finish(.failure(.unreadable(error)))
        }
    }

    func streamDidEnd() {
        guard !endLink() else { return }
        finish(.failure(reader.isInsideMessage ? .unreadable(.truncated(missing: 1)) : .closedWithoutReply))
    }

    func streamDidDrain() {}

    func streamDidFail(_ error: UVError) {
        guard !endLink() else { return }
        finish(.failure(Self.failure(error)))
    }

    private static func failure(_ error: UVError) -> StreamFailure {
        switch error.code {
        case UVError.connectionRefused: .connectionRefused
        case UVError.connectionReset, UVError.brokenPipe: .closedWithoutReply
        default: .unreachable(error.reason)
        }
    }
}
