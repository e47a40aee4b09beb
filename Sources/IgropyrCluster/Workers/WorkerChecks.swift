internal import IgropyrHTTP
internal import IgropyrOrchestration
internal import IgropyrTransport
internal import IgropyrUV

/// Asks one process of a worker whether it is well, until it is told to stop. Stays on its loop.
final class WorkerChecks {
    private static let bodyLimit = 1 << 20
    private static let warmUpTimeout = Duration.seconds(60)

    private let address: SocketAddress
    private let loop: EventLoop
    private let client: HTTPRequester
    private var watch: HealthWatch
    private let report: (HealthWatch.Verdict, _ reason: String) -> Void
    private var task: Task<Void, Never>?

    /// Calls `report` on the loop, with a reason but for ``HealthWatch/Verdict/ready``, which is told once the warm-up
    /// requests have been answered, but not of a process that `isReady` since long.
    init(
        _ check: HealthCheck, of address: SocketAddress, as kind: HTTPConnectionKind, isReady: Bool, on loop: EventLoop,
        report: @escaping (HealthWatch.Verdict, _ reason: String) -> Void
    ) throws(UVError) {
        self.address = address
        self.loop = loop
        self.report = report
        watch = HealthWatch(check, isReady: isReady)
        var settings = HTTPClientSettings()
        settings.connectTimeout = .milliseconds(check.timeoutMilliseconds)
        settings.responseTimeout = Self.warmUpTimeout
        client = try HTTPRequester(on: loop, settings: settings, kind: kind)
        task = loop.startLocally { [self] in await run() }
    }

    /// Further questions go by connections of that kind.
    func use(_ kind: HTTPConnectionKind) { client.pool.kind = kind }

    /// Idempotent. Nothing is reported any more.
    func stop() {
        task?.cancel()
        task = nil
        knock?.end(false)
        client.close()
    }

    private func run() async {
        while !Task.isCancelled {
            let failure = await ask()
            guard !Task.isCancelled else { return }
            switch watch.note(isPassed: failure == nil) {
            case .ready:
                await warmUp()
                if !Task.isCancelled { report(.ready, "") }
            case .notYet: report(.notYet, failure ?? "")
            case .unwell: return report(.unwell, failure ?? "")
            case nil: break
            }
            try? await Task.sleep(for: watch.pause)
        }
    }

    /// Nil if the check is passed, else what came instead.
    private func ask() async -> String? {
        let timeout = Duration.milliseconds(watch.check.timeoutMilliseconds)
        switch watch.check.probe {
        case .http(let path):
            let asking = loop.startLocally { [self] in answer = await status(of: path) }
            let limit = loop.startLocally {
                guard (try? await Task.sleep(for: timeout)) != nil else { return }
                asking.cancel()
            }
            await withTaskCancellationHandler {
                await asking.value
            } onCancel: {
                asking.cancel()
            }
            limit.cancel()
            guard let answer, (200..<400).contains(answer) else {
                return answer.map { "GET \(path) was answered with \($0)" }
                    ?? "GET \(path) was not answered on the socket that it was given"
            }
            return nil
        case .tcp:
            let knock = Knock(at: address, within: timeout, on: loop)
            self.knock = knock
            return await knock.isAnswered ? nil : "a connection was not taken"
        }
    }

    /// Of the question that is being asked.
    private var answer: Int?
    private var knock: Knock?

    private func status(of path: String) async -> Int? {
        let fields = [("User-Agent", "igropyr-health"), ("Connection", "close")]
        let request = HTTPRequester.Request(.get, path, fields: fields.map { (name: $0.0, value: $0.1) })
        return try? await client.send(request, to: address, bodyLimit: Self.bodyLimit).status
    }

    private func warmUp() async {
        for path in watch.check.warmUp where !Task.isCancelled { _ = await status(of: path) }
    }
}

/// One connection that is ended from this side at once.
private final class Knock: TCPStreamDelegate {
    private let stream: TCPStream?
    private let timer: Timer?
    private var outcome: Bool?
    private let waiters = WaitingTasks()

    init(at address: SocketAddress, within timeout: Duration, on loop: EventLoop) {
        stream = try? TCPStream(on: loop)
        timer = try? Timer(on: loop)
        guard let stream, (try? timer?.start(after: timeout) { self.end(false) }) != nil else {
            end(false)
            return
        }
        stream.delegate = self
        stream.connect(to: address) { error in
            guard error == nil else { return self.end(false) }
            stream.startReading()
            stream.endWriting()
        }
    }

    var isAnswered: Bool {
        get async {
            await waiters.wait { outcome == nil }
            return outcome ?? false
        }
    }

    /// Later calls do nothing.
    func end(_ result: Bool) {
        guard outcome == nil else { return }
        outcome = result
        stream?.close()
        timer?.close()
        waiters.wake()
    }

    func streamDidRead(_ bytes: RawSpan) { end(true) }
    func streamDidEnd() { end(true) }
    func streamDidDrain() {}
    /// Reset: somebody was there to do it.
    func streamDidFail(_ error: UVError) { end(error.code == UVError.connectionReset) }
}
