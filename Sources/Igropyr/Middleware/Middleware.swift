/// Sees each request before its handler and each response after it; needs no task of its own.
///
/// Both calls are made on the connection's loop and must not block. Whatever a handler throws has become its response
/// when ``after(_:_:)`` is called: ``Response/failure`` says what it was. What the two have to tell each other, or the
/// handler, goes with the request: ``Request/subscript(_:)``.
///
/// On the application it sees what the server answers by itself, too: 404, 405, 413, the 503 of a handler whose time is
/// over. Not so what is refused before there is a request: a head that breaks HTTP or its limits.
public protocol Middleware: Sendable {
    /// - Returns: a response in place of the handler's, or nil to go on. Also then, and when this throws,
    ///   ``after(_:_:)`` follows.
    func before(_ request: Request) throws -> Response?

    /// Changes the response, or notes it. Called once after each ``before(_:)``: with the 503 when the handler's time
    /// is over, and then not with what the handler makes all the same.
    func after(_ request: Request, _ response: inout Response)

    /// Reads files anew that this goes by, such as keys, when ``App/run(host:port:)`` gets SIGHUP; nil if there are
    /// none. What it throws goes to the log, and what was read before should stay.
    var onReload: (@Sendable () async throws -> Void)? { get }
}

extension Middleware {
    public var onReload: (@Sendable () async throws -> Void)? { nil }
    public func before(_ request: Request) throws -> Response? { nil }
    public func after(_ request: Request, _ response: inout Response) {}
}

/// Middleware that waits: for a database, say. Its routes need a task, even if their handlers do not.
///
/// It sees all that ``Middleware`` sees but the 503 of a request whose time is over: the task that it runs in is
/// cancelled then, and what it returns goes nowhere. So what every response needs, such as CORS's fields, belongs into
/// ``Middleware/after(_:_:)``, used before whatever waits.
public protocol AsyncMiddleware: Sendable {
    /// Call `next` once for the response of what is further in; an error of that has become a response, whose
    /// ``Response/failure`` says what it was. Or answer in its place.
    func respond(to request: Request, next: (Request) async -> Response) async throws -> Response

    /// As ``Middleware/onReload``.
    var onReload: (@Sendable () async throws -> Void)? { get }
}

extension AsyncMiddleware {
    public var onReload: (@Sendable () async throws -> Void)? { nil }
}

/// One layer of middleware, as ``RouteBuilder`` takes it.
public enum Layer: Sendable {
    case immediate(any Middleware)
    case task(any AsyncMiddleware)

    var onReload: (@Sendable () async throws -> Void)? {
        switch self {
        case .immediate(let middleware): middleware.onReload
        case .task(let middleware): middleware.onReload
        }
    }
}

extension RouteBuilder {
    /// Adds middleware around all routes of this builder, added before or after; what is used first is outermost.
    public func use(_ middleware: some Middleware) { use(.immediate(middleware)) }

    public func use(_ middleware: some AsyncMiddleware) { use(.task(middleware)) }

    /// Adds middleware that lets a request go on by nil, or answers it.
    public func use(_ before: @escaping @Sendable (Request) throws -> Response?) {
        use(.immediate(Check(body: before)))
    }

    /// Adds middleware that waits.
    public func use(
        _ body: @escaping @Sendable (Request, _ next: (Request) async -> Response) async throws -> Response
    ) {
        use(.task(Wrapper(body: body)))
    }
}

private struct Check: Middleware {
    let body: @Sendable (Request) throws -> Response?

    func before(_ request: Request) throws -> Response? { try body(request) }
}

private struct Wrapper: AsyncMiddleware {
    let body: @Sendable (Request, (Request) async -> Response) async throws -> Response

    func respond(to request: Request, next: (Request) async -> Response) async throws -> Response {
        try await body(request, next)
    }
}

extension Layer {
    /// The action with this layer around it. A task is needed only where one of the two waits.
    func around(_ action: Route.Action, _ failures: FailurePages) -> Route.Action {
        switch (self, action) {
        case (.immediate(let middleware), .immediate(let handler)):
            .immediate { request in
                var response: Response
                do {
                    response = try middleware.before(request) ?? handler(request)
                    try response.check()
                } catch {
                    response = failures.response(to: error, request)
                }
                middleware.after(request, &response)
                return response
            }
        case (.immediate(let middleware), .task(let handler)):
            .task { request in
                var response: Response
                request.enter(middleware)
                do {
                    if let early = try middleware.before(request) {
                        response = early
                    } else {
                        response = try await handler(request)
                    }
                    try response.check()
                } catch {
                    response = failures.response(to: error, request)
                }
                if request.leave() { middleware.after(request, &response) }
                return response
            }
        case (.task(let middleware), _):
            .task { request in
                try await middleware.respond(to: request) { request in
                    do {
                        let response =
                            switch action {
                            case .immediate(let handler): try handler(request)
                            case .task(let handler): try await handler(request)
                            }
                        try response.check()
                        return response
                    } catch {
                        return failures.response(to: error, request)
                    }
                }
            }
        }
    }
}
