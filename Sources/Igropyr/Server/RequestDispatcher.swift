internal import HTTPTypes
internal import IgropyrHTTP
internal import IgropyrTime
internal import IgropyrTransport
internal import IgropyrUV

/// Finds the handler of each request of one loop, runs it and sends what it answers.
final class RequestDispatcher: HTTPRequestHandler {
    private let router: Router<Endpoint>
    private let fallback: Endpoint
    private let failures: FailurePages
    let essentials: App.Essentials
    let wheel: TimerWheel
    private let deadlines: Deadlines
    private var observer: RequestObserver?
    /// When the request arrived that is being handled; zero if nobody observes.
    private var began = Timestamp.zero
    /// Of the response that went out last.
    var sentStatus = 0
    var sentBytes = 0
    /// Used again for the next request, unless the handler kept it.
    @safe @exclusivity(unchecked)  // Used for each request, where that check shows in the profile.
    private(set) var request: Request?
    private var tasks = 0
    /// Nil unless somebody waits for the end of all tasks.
    private var idleWaiters: WaitingTasks?

    init(_ app: App.Definition, _ shared: SharedParts, on wheel: TimerWheel) {
        router = app.router
        fallback = app.fallback
        failures = app.failures
        essentials = app.essentials
        observer = RequestObserver(app, shared, on: wheel)
        deadlines = Deadlines(wheel)
        self.wheel = wheel
    }

    /// Returns once no handler's task is running, or after `time`.
    /// - Returns: whether none is.
    func waitUntilIdle(on loop: EventLoop, atMost time: Duration) async -> Bool {
        let waiters = WaitingTasks()
        idleWaiters = waiters
        await waiters.wait(on: loop, atMost: time) { tasks > 0 }
        return tasks == 0
    }

    /// No request will come any more.
    func finish() { observer?.finish() }

    /// Others watch the requests that come from now on, and know all logs that there are by now.
    func observe(by observer: RequestObserver?) { self.observer = observer }

    func connectionCountDidChange(by change: Int) { observer?.connectionCountDidChange(by: change) }

    func requestWasRefused(status: Int, on connection: any HTTPServerStream) {
        observer?.noteRefusal(status: status, peer: connection.peerAddress)
    }

    func handle(_ head: MessageHead, _ bytes: RawSpan, on connection: any HTTPServerStream) {
        if let observer { began = observer.begin() }
        do throws(HTTPError) {
            switch try find(head, bytes) {
            case .found(let endpoint, let parameters): run(endpoint, head, bytes, parameters, on: connection)
            case .methodNotAllowed(let allowed): refuse(head, bytes, allowing: allowed, on: connection)
            case .notFound: run(fallback, head, bytes, [], .failure(HTTPFailure(.notFound)), on: connection)
            }
        } catch {
            run(fallback, head, bytes, [], .failure(HTTPFailure(refusing: error)), on: connection)
        }
    }

    /// GET's routes answer HEAD where it has none of its own.
    private func find(_ head: MessageHead, _ bytes: RawSpan) throws(HTTPError) -> Router<Endpoint>.Match {
        guard head.targetForm != .asterisk else { return .methodNotAllowed([]) }
        let match = try router.find(head.method, path: head.path, in: bytes)
        guard head.method == .head, case .methodNotAllowed(let allowed) = match, allowed.contains(HTTPMethod.get) else {
            return match
        }
        return try router.find(.get, path: head.path, in: bytes)
    }

    private func refuse(
        _ head: MessageHead, _ bytes: RawSpan, allowing methods: HTTPMethodSet, on connection: any HTTPServerStream
    ) {
        var allowed = methods.union(HTTPMethodSet(.options))
        if allowed.contains(HTTPMethod.get) { allowed.insert(HTTPMethodSet(.head)) }
        let failure = HTTPFailure(.methodNotAllowed, fields: [.allow: allowed.allow])
        let refusal = head.method == .options ? Request.Refusal.options(allowed) : .failure(failure)
        run(fallback, head, bytes, [], refusal, on: connection)
    }

    private func run(
        _ endpoint: Endpoint, _ head: MessageHead, _ bytes: RawSpan, _ parameters: [RouteParameter],
        _ refusal: Request.Refusal? = nil, on connection: any HTTPServerStream
    ) {
        if refusal == nil, case .length(let length) = head.framing, length > UInt64(endpoint.bodyLimit) {
            return run(
                fallback, head, bytes, [], .failure(HTTPFailure(.contentTooLarge)), on: connection)
        }
        switch endpoint.action(for: head.path, in: bytes) {
        case .immediate(let handler):
            let response = answer(handler, head, bytes, parameters, refusal, on: connection)
            let exchange = respond(response, on: connection)
            if observer != nil { observe(response, endpoint, exchange, on: connection) }
        case .task(let handler):
            let request = makeRequest(head, bytes, parameters, connection)
            self.request = nil
            request.refuse(refusal)
            let exchange = Exchange(on: connection, bodyLimit: endpoint.bodyLimit, hasBody: request.hasBody)
            request.exchange = exchange
            connection.exchange = exchange
            if let observer {
                exchange.observer = observer
                exchange.observation = observation(request, endpoint, on: connection)
            }
            start(handler, request, exchange)
            if let timeout = endpoint.timeout, exchange.isRunning {
                deadlines.add(request, exchange, after: timeout, for: self)
            }
        }
    }

    private func answer(
        _ handler: (Request) throws -> Response, _ head: MessageHead, _ bytes: RawSpan, _ parameters: [RouteParameter],
        _ refusal: Request.Refusal?, on connection: any HTTPServerStream
    ) -> Response {
        let request = makeRequest(head, bytes, parameters, connection)
        if refusal != nil { request.refuse(refusal) }
        defer { request.leaveConnection() }
        do {
            return try handler(request)
        } catch {
            return failures.response(to: error, request)
        }
    }

    /// In the memory of the last one, if that is free.
    private func makeRequest(
        _ head: MessageHead, _ bytes: RawSpan, _ parameters: [RouteParameter], _ connection: any HTTPServerStream
    ) -> Request {
        if request != nil, isKnownUniquelyReferenced(&request), let request {
            request.fill(head, bytes, parameters, connection)
            return request
        }
        let request = Request(head, bytes, parameters, connection, of: essentials)
        self.request = request
        return request
    }

    /// The handler has had its time: what it returns now goes nowhere.
    func timeOut(_ request: Request, _ exchange: Exchange) {
        guard !exchange.isOver, !exchange.hasResponse else { return }
        exchange.cancelTask()
        let failure = HTTPFailure(.serviceUnavailable, "The request took too long.")
        var response = failures.response(to: failure, request)
        request.leaveAll(with: &response)
        start(response, request, exchange)  // Middleware may have put any other in its place.
    }

    // MARK: Observation

    private func observation(
        _ request: Request, _ endpoint: Endpoint, on connection: any HTTPServerStream
    ) -> Observation {
        Observation(request: request, endpoint: endpoint, began: began, peer: connection.peerAddress)
    }

    /// Notes what was answered within the call, now or once the exchange that sends it ends.
    private func observe(
        _ response: Response, _ endpoint: Endpoint, _ exchange: Exchange?, on connection: any HTTPServerStream
    ) {
        guard let observer, let request else { return }
        let observation = observation(request, endpoint, on: connection)
        guard let exchange, !exchange.isOver else {
            return observer.end(observation, status: sentStatus, bodyBytes: exchange?.responseBytes ?? sentBytes)
        }
        if case .file = response.body { exchange.status = sentStatus }  // The head of a stream goes out later.
        exchange.observer = observer
        exchange.observation = observation
    }

    // MARK: Tasks

    /// Runs the handler in a task on the connection's loop, at once until it has to wait; it may touch what lives
    /// there.
    private func start(
        _ handler: @escaping @Sendable (Request) async throws -> Response, _ request: Request, _ exchange: Exchange
    ) {
        taskWillBegin(exchange)
        nonisolated(unsafe) let (dispatcher, request, exchange) = (self, request, exchange)  // It runs on this thread.
        unsafe exchange.run(
            Task.immediate(executorPreference: exchange.connection.loop) {
                unsafe await dispatcher.answer(handler, request, exchange)
                unsafe dispatcher.taskDidEnd(exchange)
                unsafe dispatcher.keep(request)
            })
    }

    /// The same for a response that is made, and whose body may take time.
    func start(_ response: Response, _ request: Request?, _ exchange: Exchange) {
        taskWillBegin(exchange)
        nonisolated(unsafe) let (dispatcher, response, request, exchange) = (self, response, request, exchange)
        unsafe exchange.run(
            Task.immediate(executorPreference: exchange.connection.loop) {
                unsafe await dispatcher.respond(response, request, exchange)?()
                unsafe dispatcher.taskDidEnd(exchange)
            })
    }

    private func keep(_ request: Request) {
        request.leaveConnection()
        self.request = request
    }

    private func taskWillBegin(_ exchange: Exchange) {
        tasks += 1
        exchange.isRunning = true
    }

    private func taskDidEnd(_ exchange: Exchange) {
        exchange.isRunning = false
        deadlines.remove(exchange)
        tasks -= 1
        if tasks == 0 { idleWaiters?.wake() }
    }

    private func answer(
        _ handler: (Request) async throws -> Response, _ request: Request, _ exchange: Exchange
    ) async {
        let rest: (() async -> Void)?
        do {
            rest = respond(try await handler(request), request, exchange)
        } catch {
            rest = respond(to: error, request, exchange)
        }
        await rest?()
    }

    /// Apart for the same reason as ``respond(_:_:_:)``.
    @inline(never)
    private func respond(to error: any Error, _ request: Request, _ exchange: Exchange) -> (() async -> Void)? {
        respond(failures.response(to: error, request), request, exchange)
    }
}
