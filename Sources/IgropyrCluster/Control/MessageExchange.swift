internal import IgropyrTransport

/// A request whose body is one message, collected up to a limit and then answered.
final class MessageExchange: HTTPServerExchange {
    private let connection: any HTTPServerStream
    private let answer: ([UInt8]) async -> ControlReply
    private let budget: TurnBudget
    private var body: MessageBody
    private var isRefused = false

    /// `budget` is the server's.
    init(
        limitBytes: Int, within budget: TurnBudget, on connection: any HTTPServerStream,
        answer: @escaping ([UInt8]) async -> ControlReply
    ) {
        body = MessageBody(limitBytes: limitBytes)
        self.budget = budget
        self.connection = connection
        self.answer = answer
    }

    func requestBodyDidArrive(_ bytes: RawSpan) {
        guard !isRefused else { return }
        guard let refusal = body.take(bytes) else { return }
        isRefused = true
        refusal.send(on: connection)
    }

    func requestDidEnd() {
        guard !isRefused else { return }
        let (connection, answer, budget, body) = (connection, answer, budget, body.bytes)
        connection.loop.startLocally {
            await budget.spend(body.count)
            await answer(body).send(on: connection)
        }
    }

    func responseDidDrain() {}
    func clientDidAbort() {}
}
