package import IgropyrUV

/// The lines of one loop that were not handed over yet: a tenth of a second's, or 32 KiB. Stays on its loop.
package final class AccessLogBuffer {
    private static let bytesAtOnce = 32 << 10
    private static let interval = Duration.milliseconds(100)

    private let writer: AccessLogWriter
    private var bytes: [UInt8] = []
    private var lines = 0
    private var timer: WheelTimer?
    private var time = AccessLogTime()

    package init(_ writer: AccessLogWriter, on wheel: TimerWheel) {
        self.writer = writer
        timer = WheelTimer(on: wheel) { [weak self] in self?.handOver() }
    }

    deinit {
        timer?.invalidate()
        handOver()
    }

    /// Has `append` add one line, with its end, to what waits already.
    package func addLine(_ append: (_ time: AccessLogTime, _ lines: inout [UInt8]) -> Void) {
        time.update(to: EventLoop.secondsSince1970)
        append(time, &bytes)
        lines += 1
        if bytes.count >= Self.bytesAtOnce {
            handOver()
        } else if lines == 1 {
            timer?.arm(after: Self.interval)
        }
    }

    package func handOver() {
        guard lines > 0 else { return }
        writer.write(bytes, lines: lines)
        bytes = []
        lines = 0
    }
}
