internal import IgropyrTransport

/// A request whose body is one message, collected up to a limit and then answered.
final class MessageExchange: HTTPServerExchange {
    private let connection: any HTTPServerStream
    private let limitBytes: Int
    private let answer: ([UInt8]) async -> ControlReply
    private var body: [UInt8] = []
    private var isRefused = false

    init(limitBytes: Int, on connection: any HTTPServerStream, answer: @escaping ([UInt8]) async -> ControlReply) {
        self.limitBytes = limitBytes
        self.connection = connection
        self.answer = answer
    }

    func requestBodyDidArrive(_ bytes: RawSpan) {
        guard !isRefused else { return }
        guard body.count + bytes.byteCount <= limitBytes else {
            isRefused = true
            return ControlReply.refusal(413, "the request's body has more than \(limitBytes) bytes")
                .send(on: connection)
        }
        body += bytes.array(in: 0..<bytes.byteCount)
    }

    func requestDidEnd() {
        guard !isRefused else { return }
        let (connection, answer, body) = (connection, answer, body)
        connection.loop.startLocally { await answer(body).send(on: connection) }
    }

    func responseDidDrain() {}
    func clientDidAbort() {}
}
