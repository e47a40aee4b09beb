internal import IgropyrUV

/// The lines of one loop that were not handed over yet: a tenth of a second's, or 32 KiB.
final class AccessLogBuffer {
    private static let bytesAtOnce = 32 << 10
    private static let interval = Duration.milliseconds(100)

    private let writer: AccessLogWriter
    private let loop: EventLoop
    private let format: AccessLog.Format
    private var bytes: [UInt8] = []
    private var lines = 0
    private var timer: WheelTimer?
    private var time = AccessLogTime()

    init(_ settings: AccessLog, _ writer: AccessLogWriter, on wheel: TimerWheel) {
        self.writer = writer
        format = settings.format
        loop = wheel.loop
        timer = WheelTimer(on: wheel) { [weak self] in self?.handOver() }
    }

    deinit { timer?.invalidate() }

    func note(_ request: Request, _ outcome: RequestOutcome) {
        time.update(to: EventLoop.secondsSince1970)
        switch format {
        case .common: request.appendCommonLine(outcome, time, isCombined: false, to: &bytes)
        case .combined: request.appendCommonLine(outcome, time, isCombined: true, to: &bytes)
        case .json: request.appendJSONLine(outcome, time, to: &bytes)
        }
        lineDidEnd()
    }

    func noteRefusal(status: Int, peer: SocketAddress?) {
        time.update(to: EventLoop.secondsSince1970)
        appendRefusal(status, peer, time, format, to: &bytes)
        lineDidEnd()
    }

    private func lineDidEnd() {
        lines += 1
        if bytes.count >= Self.bytesAtOnce {
            handOver()
        } else if lines == 1 {
            timer?.arm(after: Self.interval)
        }
    }

    func handOver() {
        guard lines > 0 else { return }
        writer.write(bytes, lines: lines)
        bytes = []
        lines = 0
    }
}
