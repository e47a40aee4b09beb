import IgropyrHTTP
import IgropyrTransport
import IgropyrUV

/// Asks the workers of one snapshot after the other whether they are well; on one loop, for all of a balancer's.
final class HealthChecker {
    /// What is watched: a worker that two applications have is asked by the rules of each.
    struct Subject: Hashable {
        var address: SocketAddress
        var settings: HealthCheckSettings
        var kind: HTTPConnectionKind
    }

    private let pool: HTTPConnectionPool
    private let wheel: TimerWheel
    private let onChange: (SocketAddress, _ isPassed: Bool) -> Void
    private var watches: [Subject: WatchedWorker] = [:]

    /// Calls `onChange` when a worker begins to fail its checks, passes them again, or is watched no more.
    init(on loop: EventLoop, onChange: @escaping (SocketAddress, _ isPassed: Bool) -> Void) throws(UVError) {
        wheel = try TimerWheel(on: loop)
        do throws(UVError) {
            pool = try HTTPConnectionPool(on: loop)
        } catch {
            wheel.close()
            throw error
        }
        self.onChange = onChange
    }

    /// Watches these from now on; those that were watched before are not asked anew.
    func watch(_ subjects: Set<Subject>) {
        for (subject, watch) in watches where !subjects.contains(subject) {
            watch.end()
            watches[subject] = nil
            if !watch.record.isPassed { onChange(subject.address, true) }
        }
        // The first questions spread over an interval: else all would be asked at once for ever.
        let newcomers = subjects.filter { watches[$0] == nil }
        for (number, subject) in newcomers.enumerated() {
            let watch = WatchedWorker(subject, pool: pool, wheel: wheel) { [onChange] isPassed in
                onChange(subject.address, isPassed)
            }
            watches[subject] = watch
            watch.start(after: subject.settings.interval * number / newcomers.count)
        }
    }

    /// Idempotent.
    func close() {
        for watch in watches.values { watch.end() }
        watches = [:]
        pool.close()
        wheel.close()
    }
}

/// One worker under watch: one question at a time.
private final class WatchedWorker {
    private let subject: HealthChecker.Subject
    private let pool: HTTPConnectionPool
    private let wheel: TimerWheel
    private let onChange: (Bool) -> Void
    private(set) var record: HealthCheckRecord
    private var timer: WheelTimer?
    private var connection: (any HTTPClientStream)?

    init(
        _ subject: HealthChecker.Subject, pool: HTTPConnectionPool, wheel: TimerWheel,
        onChange: @escaping (Bool) -> Void
    ) {
        self.subject = subject
        self.pool = pool
        self.wheel = wheel
        self.onChange = onChange
        record = HealthCheckRecord(subject.settings)
    }

    func start(after delay: Duration) {
        timer = WheelTimer(on: wheel) { [unowned self] in ask() }
        timer?.arm(after: delay)
    }

    func end() {
        timer?.invalidate()
        timer = nil
        connection?.cancel()
        connection = nil
    }

    /// On a connection of its own: whether the worker takes one is half of the question.
    private func ask() {
        pool.stream(
            to: subject.address, as: subject.kind, isFresh: true, timeout: subject.settings.timeout
        ) { [self] outcome in
            switch outcome {
            case .failure: conclude(isPassed: false)
            case .success(let connection):
                guard timer != nil, let path = subject.settings.path else {
                    connection.cancel()
                    return conclude(isPassed: true)
                }
                self.connection = connection
                send(path, on: connection)
            }
        }
    }

    private func send(_ path: String, on connection: any HTTPClientStream) {
        connection.begin(self, responseTimeout: subject.settings.timeout)
        var head = HTTPSerializer()
        do throws(HTTPSerializer.Failure) {
            try head.beginRequest(.get, target: path)
            try head.appendField("Host", subject.settings.host ?? subject.kind.host(of: subject.address))
            try head.appendField("User-Agent", "igropyr-health")
            try head.appendField("Connection", "close")
        } catch {
            return conclude(isPassed: false)
        }
        head.endHead()
        unsafe connection.sendHead(head.bytes.span.bytes, method: .get, framing: .none)
    }

    private func conclude(isPassed: Bool) {
        connection?.cancel()
        connection = nil
        guard let timer else { return }
        timer.arm(after: subject.settings.interval)
        if record.note(isPassed: isPassed) { onChange(isPassed) }
    }
}

extension WatchedWorker: HTTPClientExchange {
    /// The status is the answer: a body is not read.
    func responseDidBegin(_ head: MessageHead, _ bytes: RawSpan) {
        guard !head.isInterim else { return }
        conclude(isPassed: subject.settings.statuses.contains(head.status))
    }

    func responseBodyDidArrive(_ bytes: RawSpan) {}
    func responseDidEnd() {}
    func requestDidDrain() {}
    func exchangeDidFail(_ failure: HTTPClientFailure) { conclude(isPassed: false) }
}
