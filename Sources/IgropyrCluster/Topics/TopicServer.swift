internal import IgropyrHTTP
internal import IgropyrOrchestration
internal import IgropyrTransport
internal import IgropyrUV

/// Where the workers of this host talk to each other and to those of other hosts, by HTTP/1.1; stays on its loop. `POST` with a
/// ``TopicLine`` says something, `GET` answers with those that are said from then on.
final class TopicServer: HTTPRequestHandler {
    private enum Operation { case publish, listen }

    /// Names a listener in its own words: what a request of the same name says, it does not hear.
    private static let listenerField = "Igropyr-Listener"

    let hub: TopicHub
    let address: TopicAddress
    private let router: Router<Operation>
    private let listener: TCPListener
    private let budget: TurnBudget
    private var server: HTTPServer?

    /// Begins to accept at once.
    init(listener: TCPListener, address: TopicAddress, hub: TopicHub) throws(UVError) {
        self.hub = hub
        self.address = address
        budget = TurnBudget(on: hub.loop)
        self.listener = listener
        router = Self.makeRouter()
        var settings = HTTPServerSettings()
        settings.http2.isEnabled = false
        settings.allowsHalfClosure = false
        server = try HTTPServer(listener: listener, settings: settings, handler: self)
    }

    /// Another descriptor of the listening socket, which the caller then owns.
    func duplicateSocket() throws(UVError) -> Int32 { try listener.duplicateSocket() }

    /// Nobody hears anything any more; requests under way may finish within the time-out.
    func stop(within timeout: Duration) async {
        await hub.stop()
        guard let server else { return }
        await server.drain(timeout: timeout)
        server.close()
        self.server = nil
    }

    func handle(_ head: MessageHead, _ bytes: RawSpan, on connection: any HTTPServerStream) {
        do throws(HTTPError) {
            switch try router.find(head.method, path: head.path, in: bytes) {
            case .found(let operation, let found):
                var parameters: [String] = []
                for parameter in found {
                    parameters.append(try PercentEncoding.decodeString(parameter.range, in: bytes))
                }
                guard let application = ApplicationName(rawValue: parameters[0]),
                    address.admits(parameters[1], to: application)
                else { return refuseAddress(on: connection) }
                let name = head.value(of: Self.listenerField, in: bytes).map { bytes.string(in: $0) }
                perform(operation, application, as: name, on: connection)
            case .methodNotAllowed(let methods):
                ControlReply.refusal(405, "this path takes \(methods.allow) only")
                    .send(on: connection, allow: methods.allow)
            case .notFound: refuseAddress(on: connection)
            }
        } catch {
            ControlReply.refusal(error.status, "the path is malformed (\(error))").send(on: connection)
        }
    }

    private func perform(
        _ operation: Operation, _ application: ApplicationName, as name: String?, on connection: any HTTPServerStream
    ) {
        let hub = hub
        switch operation {
        case .publish:
            connection.exchange = MessageExchange(
                limitBytes: TopicLine.limitBytes, within: budget, on: connection
            ) { body in
                guard let line = try? JSON.decode(TopicLine.self, from: body), let message = line.message else {
                    return Self.refusalOfMessage
                }
                await hub.publish(message, of: application, by: name)
                return .json(DoneMessage())
            }
        case .listen:
            connection.exchange = LineExchange(limitBytes: 0, on: connection) { _ in
                ControlAnswer(await hub.listen(to: application, as: name))
            }
        }
    }

    private static let refusalOfMessage = ControlReply.refusal(
        422,
        "a message is {\"topic\": …, \"text\": …}, its topic 1 to \(TopicMessage.topicBytes) bytes without control "
            + "characters, its text \(TopicMessage.textBytes) bytes at most")

    private func refuseAddress(on connection: any HTTPServerStream) {
        ControlReply.refusal(404, "there is nothing here: workers find their address in IGROPYR_TOPICS")
            .send(on: connection)
    }

    private static func makeRouter() -> Router<Operation> {
        var router = Router<Operation>()
        do {
            try router.add(.post, PathPattern("/:application/:token"), .publish)
            try router.add(.get, PathPattern("/:application/:token"), .listen)
        } catch { preconditionFailure("\(error)") }
        return router
    }
}

extension ControlAnswer {
    /// What is said from now on; a refusal in place of nil.
    init(_ lines: TopicHub.Lines?) {
        guard let lines else {
            self = .reply(.refusal(503, "too many listen already"))
            return
        }
        self = .lines(first: JSON.line(TopicLine.gap), rest: lines, last: nil)
    }
}
