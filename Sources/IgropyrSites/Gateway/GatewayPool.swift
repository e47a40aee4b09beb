internal import Igropyr
internal import IgropyrTime
internal import IgropyrUV

/// The connections of one loop to a program that runs already.
final class GatewayPool {
    typealias Connection = (stream: PulledStream, hasRested: Bool)

    /// How long a connection may rest.
    private static let restingTime = Duration.seconds(5)

    private let loop: EventLoop
    let settings: GatewaySettings
    private let turns: Turns
    private let timer: Timer
    // Unchecked, since the runtime's check that nobody else uses them meanwhile shows in the profile of a request.
    @safe @exclusivity(unchecked) private var idle: [(stream: PulledStream, until: Timestamp)] = []
    /// All of them, idle or not.
    private var open: [ObjectIdentifier: PulledStream] = [:]
    private var isClosed = false

    init(_ loop: EventLoop, _ settings: GatewaySettings) throws(UVError) {
        self.loop = loop
        self.settings = settings
        turns = Turns(limit: settings.connections, waiting: 8 * settings.connections)
        timer = try Timer(on: loop)
    }

    var keepsConnections: Bool { settings.idleConnections > 0 }

    /// Nobody has a connection, or waits for one.
    var isUnused: Bool { turns.isUnused }

    /// A connection of the caller's own; ``giveBack(_:isUsable:)`` is to follow.
    /// - Parameters:
    ///   - isFresh: Whether one that rested will not do.
    ///   - canRepeat: Whether the request can be sent again, so that what the loop has seen of one that rested will do,
    ///     and the kernel need not be asked.
    /// - Returns: It, and whether it has rested: the program may have closed it meanwhile.
    /// - Throws: ``HTTPFailure`` 503 when too many wait; what keeps it from being made.
    func take(isFresh: Bool, canRepeat: Bool) async throws -> Connection {
        try await turns.take(on: loop)
        do {
            if let connection = try ready(isFresh: isFresh, canRepeat: canRepeat) { return connection }
            return added(try await connect())
        } catch {
            turns.giveBack()
            throw error
        }
    }

    /// The same without waiting, which most need not; nil if there is something to wait for.
    /// - Throws: what keeps it from being made.
    func takeNow(isFresh: Bool, canRepeat: Bool) throws(UVError) -> Connection? {
        guard turns.takeNow() else { return nil }
        do throws(UVError) {
            if let connection = try ready(isFresh: isFresh, canRepeat: canRepeat) { return connection }
        } catch {
            turns.giveBack()
            throw error
        }
        turns.giveBack()
        return nil
    }

    /// One that rests, or to a Unix socket: that is made at once or not at all.
    private func ready(isFresh: Bool, canRepeat: Bool) throws(UVError) -> Connection? {
        while !isFresh, let stream = idle.popLast()?.stream {
            guard !(canRepeat ? stream.isKnownStale : stream.isStale) else {
                close(stream)
                continue
            }
            return (stream, true)
        }
        guard case .unix(let path) = settings.address.address else { return nil }
        return added(try PulledStream.connect(toUnix: path, on: loop))
    }

    private func added(_ stream: PulledStream) -> Connection {
        open[ObjectIdentifier(stream)] = stream
        return (stream, false)
    }

    /// Within the time that the program has to say something.
    private func connect() async throws -> PulledStream {
        let (address, loop) = (settings.address.address, loop)
        let connecting = Task.immediate(executorPreference: loop) {
            Connected(stream: try await PulledStream.connect(to: address, on: loop))
        }
        let timer = try Timer(on: loop)
        defer { timer.close() }
        try timer.start(after: settings.timeout) { connecting.cancel() }
        do {
            return try await withTaskCancellationHandler {
                try await unsafe connecting.value.stream
            } onCancel: {
                connecting.cancel()  // The client is gone.
            }
        } catch  where Task.isCancelled {
            throw CancellationError()
        }
    }

    func giveBack(_ stream: PulledStream, isUsable: Bool) {
        guard !isClosed else { return stream.close() }
        turns.giveBack()
        guard isUsable, idle.count < settings.idleConnections else { return close(stream) }
        stream.watch()
        idle.append((stream, loop.now.advanced(by: Self.restingTime)))
        if idle.count == 1 { watch() }
    }

    private func watch() {
        try? timer.start(after: Self.restingTime) { [weak self] in
            guard let self else { return }
            while let first = idle.first, first.until <= loop.now { close(idle.removeFirst().stream) }
            if !idle.isEmpty { watch() }
        }
    }

    /// No request will come any more.
    func close() {
        isClosed = true
        timer.close()
        for stream in open.values { stream.close() }
        idle = []
        open = [:]
    }

    private func close(_ stream: PulledStream) {
        open[ObjectIdentifier(stream)] = nil
        stream.close()
    }
}

/// A stream on its way between two tasks of its loop.
private struct Connected: Sendable {
    nonisolated(unsafe) let stream: PulledStream
}
