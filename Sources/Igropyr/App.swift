internal import IgropyrHTTP
public import IgropyrTransport
internal import IgropyrUV
public import Logging

/// A web application: its routes and what bounds it.
///
/// ```swift
/// let app = App()
/// app.get("/") { request in "Hello" }
/// try await app.run()
/// ```
///
/// Add the routes, then ``run(host:port:)``: what is changed afterwards has no effect on a server that runs.
public final class App: RouteBuilder {
    /// Where failures of handlers are reported.
    public var logger: Logger
    /// Bytes that a request's body may have; more is answered 413. Groups may set their own.
    public var bodyLimit = 1 << 20
    /// How responses of handlers are compressed for clients that can read it; nil for not at all. Set it before the routes
    /// are added; groups may have their own, and ``RouteBuilder/files(_:from:_:)`` has.
    public var compression: Compression?
    /// Event loops, each on a thread of its own; as many as there are processors for this process, up to 64.
    public var loops = min(64, CurrentProcess.availableCores)
    /// How long requests in flight may take to finish once the application is told to stop; then they are cut.
    public var drainTimeout = Duration.seconds(10)
    /// Certificates to serve by, https alone; nil serves plain http. The files are read when the application starts, and
    /// again when ``run(host:port:)`` gets SIGHUP or by ``RunningServer/reloadTLS()``.
    public var tls: TLSConfiguration?
    /// Who runs this process as a worker; nil when it was started by hand.
    public let worker = Worker.current

    private var router = Router<Route>()
    private var mistakes: [any Error] = []

    public init(logger: Logger = Logger(label: "igropyr")) { self.logger = logger }

    public func add(_ route: Route, at pattern: String) {
        var route = route
        if route.bodyLimit == nil { route.bodyLimit = bodyLimit }
        if let compression = route.compression ?? compression { route = route.compressed(by: compression) }
        do {
            try router.add(route.method, RoutePattern(pattern), route)
        } catch {
            mistakes.append(error)
        }
    }

    public func noteMistake(_ error: any Error) { mistakes.append(error) }

    /// What a server needs of the application, as it is now.
    /// - Throws: the first mistake in its routes.
    func definition() throws -> Definition {
        if let mistake = mistakes.first { throw mistake }
        return Definition(router: router, logger: logger)
    }

    /// An application as the loops share it.
    struct Definition: Sendable {
        let router: Router<Route>
        let logger: Logger
    }
}
