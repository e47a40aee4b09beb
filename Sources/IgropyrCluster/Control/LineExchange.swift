internal import IgropyrHTTP
internal import IgropyrTransport
internal import IgropyrUV

/// A request whose message is collected up to a limit, and answered by lines, each sent as it comes, for as long as the
/// client listens. Empty lines in between tell it that this host lives. Stays on its loop.
final class LineExchange: HTTPServerExchange {
    private static let heartbeat = Duration.seconds(1)

    private let connection: any HTTPServerStream
    private let answer: ([UInt8]) async -> ControlAnswer
    private var body: MessageBody
    private var isOver = false
    private var isDraining = false
    private var task: Task<Void, Never>?
    private var timer: Timer?
    private let writers = WaitingTasks()

    init(limitBytes: Int, on connection: any HTTPServerStream, answer: @escaping ([UInt8]) async -> ControlAnswer) {
        body = MessageBody(limitBytes: limitBytes)
        self.connection = connection
        self.answer = answer
    }

    func requestBodyDidArrive(_ bytes: RawSpan) {
        guard !isOver else { return }
        guard let refusal = body.take(bytes) else { return }
        isOver = true
        refusal.send(on: connection)
    }

    func requestDidEnd() {
        guard !isOver else { return }
        task = connection.loop.startLocally { [self] in await run() }
        if isDraining { task?.cancel() }
    }

    func responseDidDrain() { writers.wake() }

    func clientDidAbort() {
        isOver = true
        task?.cancel()
        writers.wake()
    }

    func serverWillDrain() {
        isDraining = true  // The request may still be on its way.
        task?.cancel()
    }

    private func run() async {
        switch await answer(body.bytes) {
        case .reply(let reply): if !isOver { reply.send(on: connection) }
        case .lines(let first, let rest, let last):
            guard !isOver, begin() else { return }
            await send(first)
            // To its end, also when nobody listens any more: whoever makes the lines learns that from being cancelled.
            for await line in rest { await send(line) }
            if let last, !Task.isCancelled { await send(last) }
            end()
        }
    }

    private func begin() -> Bool {
        do throws(HTTPSerializer.Failure) {
            try connection.beginResponse(status: 200, framing: .chunked)
            try connection.appendField("Content-Type", "application/jsonl")
            try connection.appendField(ControlAPI.versionField, "\(ControlAPI.version)")
            connection.endHead()
        } catch {
            connection.abort()
            return false
        }
        timer = try? Timer(on: connection.loop)
        giveSign()
        return true
    }

    private func giveSign() {
        guard !isOver else { return }
        // Fails only once closed.
        try? timer?.start(after: Self.heartbeat) { [weak self] in
            guard let self else { return }
            if connection.canWrite { write([]) }  // Else what has not been taken yet is sign enough.
            giveSign()
        }
    }

    private func send(_ line: [UInt8]) async {
        await writers.wait { !isOver && !connection.canWrite }
        write(line)
    }

    private func write(_ line: [UInt8]) {
        guard !isOver else { return }
        unsafe connection.sendBody((line + [UInt8(ascii: "\n")]).span.bytes)
        connection.flush()
    }

    private func end() {
        timer?.close()
        timer = nil
        guard !isOver else { return }
        isOver = true
        connection.endResponse()
    }
}
