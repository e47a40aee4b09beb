internal import IgropyrHTTP
internal import IgropyrUV

/// A web application: its routes and what bounds it.
///
/// ```swift
/// let app = App()
/// app.bodyLimit = 10 << 20
/// app.get("/") { request in "Hello" }
/// try await app.run()
/// ```
///
/// Its settings are those of ``Configuration``, each as a property of the application. Add routes and middleware, then
/// ``run(host:port:)``: what is changed afterwards has no effect on a server that runs.
@dynamicMemberLookup
public final class App: RouteBuilder, Sendable {
    /// Who runs this process as a worker; nil when it was started by hand.
    public let worker = Worker.current
    /// Messages from worker to worker.
    public let topics = Topics(at: WorkerContract.inherited.topics)

    private let scope = MiddlewareScope()
    private let state: Locked<State>

    private struct State: Sendable {
        var configuration: Configuration
        var routes: [(route: Route, pattern: String)] = []
        var jobs: [Job] = []
        var notFound: Route.Action?
        var failureHandler: FailurePages.Handler?
        var mistakes: [any Error] = []
    }

    public init(_ configuration: Configuration = Configuration()) {
        state = Locked(State(configuration: configuration))
    }

    public subscript<Value: Sendable>(dynamicMember setting: WritableKeyPath<Configuration, Value>) -> Value {
        get { configuration[keyPath: setting] }
        set { state.withLock { $0.configuration[keyPath: setting] = newValue } }
    }

    var configuration: Configuration { state.withLock { $0.configuration } }

    public func add(_ route: Route, at pattern: String) { state.withLock { $0.routes.append((route, pattern)) } }

    /// Adds middleware for every request, whatever becomes of it: also those that no route answers.
    public func use(_ layer: Layer) { scope.add(layer) }

    func add(_ job: Job) { state.withLock { $0.jobs.append(job) } }

    public func noteMistake(_ error: any Error) { state.withLock { $0.mistakes.append(error) } }

    /// Answers what no route is for, in place of 404. Not what has routes, though none for the method: that is 405.
    public func notFound<Result: ResponseConvertible>(_ handler: @escaping @Sendable (Request) throws -> Result) {
        state.withLock { $0.notFound = .immediate { request in try handler(request).makeResponse(for: request) } }
    }

    /// The same with a handler that waits.
    public func notFound<Result: ResponseConvertible>(_ handler: @escaping @Sendable (Request) async throws -> Result) {
        state.withLock { $0.notFound = .task { request in try await handler(request).makeResponse(for: request) } }
    }

    /// Makes the responses to what handlers and middleware throw; nil leaves an error to the usual way, which tells the
    /// client about an ``HTTPFailure`` and about nothing else. Runs on the loop: it must not block.
    public func onError(_ handler: @escaping @Sendable (any Error, Request) throws -> Response?) {
        state.withLock { $0.failureHandler = handler }
    }

    /// What a server needs of the application, as it is now.
    /// - Throws: the first mistake in its settings or its routes.
    func definition() throws -> Definition {
        let state = state.withLock { $0 }
        try state.configuration.check()
        if let mistake = state.mistakes.first { throw mistake }
        let configuration = state.configuration
        let failures = FailurePages(handler: state.failureHandler)
        let surroundings = Endpoint.Surroundings(
            scope: scope, configuration: configuration, failures: failures, tracing: RequestTracing(),
            metrics: ServerMetrics(configured: configuration.metricsFactory))
        var router = Router<Endpoint>()
        for (route, pattern) in state.routes {
            try route.limits.check(at: pattern)
            try router.add(route.method, PathPattern(pattern), Endpoint(route, at: pattern, in: surroundings))
        }
        let fallback = Endpoint(Route.fallback(notFound: state.notFound), at: "", in: surroundings)
        return Definition(
            router: router, fallback: fallback, failures: failures, metrics: surroundings.metrics,
            configuration: configuration, essentials: Essentials(configuration),
            reloads: reloads(state.routes.map(\.route)), jobs: state.jobs)
    }

    /// Of all middleware, each once.
    private func reloads(_ routes: [Route]) -> [@Sendable () async throws -> Void] {
        var seen: Set<ObjectIdentifier> = []
        let scopes = [scope] + routes.flatMap(\.scopes)
        return scopes.filter { seen.insert(ObjectIdentifier($0)).inserted }.flatMap(\.layers).compactMap(\.onReload)
    }

    /// An application as the loops share it.
    struct Definition: Sendable {
        let router: Router<Endpoint>
        /// Answers what no route does.
        let fallback: Endpoint
        let failures: FailurePages
        /// Nil if nobody wants to know.
        let metrics: ServerMetrics?
        let configuration: Configuration
        let essentials: Essentials
        /// What middleware reads anew.
        let reloads: [@Sendable () async throws -> Void]
        let jobs: [Job]
    }
}
