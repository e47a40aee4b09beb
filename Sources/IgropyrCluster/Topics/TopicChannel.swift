internal import IgropyrTime
internal import IgropyrUV

/// What the workers of one application say, as this host hears it, and who listens here. Stays on its loop.
final class TopicChannel {
    private(set) var log: TopicLog
    private var readers: [Int: TopicLog.Reader] = [:]
    private let waiting = WaitingTasks()
    private var isClosed = false
    /// When the last of the workers that listened went, and the last of all.
    private var workersLeft: Timestamp
    private var allLeft: Timestamp

    /// As if all had gone just now.
    init(_ log: TopicLog, at now: Timestamp) {
        self.log = log
        workersLeft = now
        allLeft = now
    }

    // MARK: - Talking

    func append(_ message: TopicMessage, from origin: TopicLog.Origin) {
        log.append(message, from: origin)
        waiting.wake()
    }

    func appendGap() {
        log.appendGap()
        waiting.wake()
    }

    // MARK: - Listening

    var readerCount: Int { readers.count }
    private var hasWorkers: Bool { readers.values.contains { $0.kind != .node } }

    /// Whether workers listen, or have not long gone.
    func hasWorkers(since time: Timestamp) -> Bool { hasWorkers || workersLeft > time }

    func isUsed(since time: Timestamp) -> Bool { !readers.isEmpty || allLeft > time }

    /// - Returns: whether it goes on after the line of that id.
    func enter(_ number: Int, _ kind: TopicLog.Reader.Kind, after id: String?) -> Bool {
        guard let id else {
            readers[number] = log.reader(kind)
            return false
        }
        let reader = log.reader(kind, after: id)
        readers[number] = reader ?? log.firstReader(kind)
        return reader != nil
    }

    /// It wants what comes from now on.
    func skip(_ number: Int) {
        if let reader = readers[number] { readers[number] = log.reader(reader.kind) }
    }

    /// How far it is; nil if it is not there any more.
    func id(of number: Int) -> String? { readers[number].map(log.id(of:)) }

    func leave(_ number: Int, at now: Timestamp) {
        guard let reader = readers.removeValue(forKey: number) else { return }
        if reader.kind != .node { workersLeft = now }
        allLeft = now
        waiting.wake()
    }

    /// What comes next; nil if nothing does, or the task is cancelled.
    func read(for number: Int, on loop: EventLoop) async -> [UInt8]? {
        while !Task.isCancelled, var reader = readers[number] {
            let chunk = log.read(for: &reader)
            readers[number] = reader
            if isClosed { waiting.wake() }
            if let chunk { return chunk }
            guard !isClosed else { return nil }
            await waiting.wait(on: loop) {
                !isClosed && readers[number].map(log.isAtEnd) == true
            }
        }
        return nil
    }

    /// Who listens reads what is there, and no more.
    func close() {
        isClosed = true
        waiting.wake()
    }

    /// Until all have read what is there, or have gone.
    func waitUntilRead(until end: ContinuousClock.Instant, on loop: EventLoop) async {
        await waiting.wait(on: loop, atMost: ContinuousClock.now.duration(to: end)) {
            !readers.values.allSatisfy(log.isAtEnd)
        }
    }
}
