import FoundationEssentials
import IgropyrCluster
import IgropyrHTTP
import IgropyrTransport

/// Of a node's control API the exchange of states, whatever the path: nodes ask each other for nothing else where all
/// bundles are everywhere.
final class StateServer: HTTPRequestHandler {
    private let replica: Replica

    init(of replica: Replica) { self.replica = replica }

    func handle(_ head: MessageHead, _ bytes: RawSpan, on connection: any HTTPServerStream) {
        connection.exchange = StateRequest(to: replica, on: connection)
    }
}

private final class StateRequest: HTTPServerExchange {
    private let replica: Replica
    private let connection: any HTTPServerStream
    private var body = Data()

    init(to replica: Replica, on connection: any HTTPServerStream) {
        (self.replica, self.connection) = (replica, connection)
    }

    func requestBodyDidArrive(_ bytes: RawSpan) { bytes.withUnsafeBytes { body.append(contentsOf: $0) } }

    func requestDidEnd() {
        nonisolated(unsafe) let exchange = self  // It never leaves the loop's thread.
        Task(executorPreference: connection.loop) { await exchange.answer() }
    }

    private func answer() async {
        do {
            let message = try JSONDecoder().decode(StateExchange.self, from: body)
            let answer = try JSONEncoder().encode(await replica.answer(message))
            try connection.beginResponse(status: 200, framing: .length(UInt64(answer.count)))
            connection.endHead()
            connection.sendBody(answer.bytes)
            connection.endResponse()
        } catch { connection.abort() }
    }

    func responseDidDrain() {}
    func clientDidAbort() {}
}
