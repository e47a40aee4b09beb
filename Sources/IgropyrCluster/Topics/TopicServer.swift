internal import IgropyrHTTP
internal import IgropyrOrchestration
internal import IgropyrText
internal import IgropyrTransport
internal import IgropyrUV

/// Where the workers of this host talk to each other and to those of other hosts, by HTTP/1.1; stays on its loop.
/// `POST` with a ``TopicLine`` says something, `GET` answers with those that are said from then on, or after the one in
/// `Last-Event-ID`.
final class TopicServer: HTTPRequestHandler {
    private enum Operation { case publish, listen }

    /// Names a listener in its own words: what a request of the same name says, it does not hear.
    private static let listenerField = "Igropyr-Listener"
    /// The ``TopicLine/id`` of the last line that a listener has read. The name is that of server-sent events.
    private static let lastIDField = "Last-Event-ID"

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
        settings.connections = 4096  // As listeners and talkers of many applications have them.
        settings.http2.isEnabled = false
        settings.allowsHalfClosure = false
        server = try HTTPServer(listener: listener, settings: settings, handler: self)
    }

    /// Another descriptor of the listening socket, which the caller then owns.
    func duplicateSocket() throws(UVError) -> Int32 { try listener.duplicateSocket() }

    /// Nobody hears anything any more; requests under way may finish within the time-out.
    func stop(within timeout: Duration) async {
        await hub.stop()
        await drain(within: timeout)
    }

    /// What is under way may finish within the time-out; the hub goes on.
    func drain(within timeout: Duration) async {
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
                let id = head.value(of: Self.lastIDField, in: bytes).map { bytes.string(in: $0) }
                perform(operation, application, as: name, after: id, on: connection)
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
        _ operation: Operation, _ application: ApplicationName, as name: String?, after id: String?,
        on connection: any HTTPServerStream
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
                return switch await hub.publish(message, of: application, by: name) {
                case .taken: .json(DoneMessage())
                case .tooMany: Self.refusalOfMany
                case .nobodyHears: Self.refusalOfAll
                }
            }
        case .listen:
            connection.exchange = LineExchange(limitBytes: 0, on: connection) { _ in
                ControlAnswer(await hub.listen(to: application, as: .worker(name: name), after: id))
            }
        }
    }

    private static let refusalOfMessage = ControlReply.refusal(
        422,
        "a message is {\"topic\": …, \"text\": …}, its topic 1 to \(TopicLine.topicBytes) bytes without control "
            + "characters, its text \(TopicLine.textBytes) bytes at most")
    private static let refusalOfMany = ControlReply.refusal(
        429, "the application says more than \(TopicPace.messagesPerSecond) messages a second on this host",
        retryAfterSeconds: 1)
    private static let refusalOfAll = ControlReply.refusal(
        503, "the node stops: nobody would hear it; say it again", retryAfterSeconds: 1)

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
    init(_ lines: (first: TopicLine, rest: TopicLines)?) {
        guard let lines else {
            let reason = "the node stops, or \(TopicHub.listenerLimit) of the application listen here already"
            self = .reply(.refusal(503, reason, retryAfterSeconds: 1))
            return
        }
        self = .lines(first: JSON.line(lines.first), rest: lines.rest, last: nil)
    }
}
