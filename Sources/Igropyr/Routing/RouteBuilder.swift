public import HTTPTypes
public import IgropyrCoding

/// What routes and middleware are added to: an ``App``, or a ``RouteGroup`` of it.
///
/// A pattern has literal segments, `:name` for one segment, `*` for a part of one or all of it, and `**` at its end for
/// the rest: `/users/:id/files/**`, `/images/*.png`. A slash at the end makes another path. The first segment in which
/// two patterns differ decides: a literal before a `*` with text around it before a parameter before `*` before `**`.
/// GET answers HEAD, too, and OPTIONS is answered from the routes there are.
///
/// A handler without `await` answers within one call, on the thread that read the request: it must not block. One with
/// `await` runs in a task on that same thread; the task is cancelled when the connection breaks, or when the request's
/// time is over. What blocks goes elsewhere by ``offload(_:)``.
///
/// A route may have a `bodyLimit` (bytes; more is answered 413) and a `timeout` (then 503; see
/// ``App/Configuration/timeout``) of its own, else it has those of its group, else the application's.
public protocol RouteBuilder: Sendable {
    func add(_ route: Route, at pattern: String)
    /// Adds middleware around all routes of this builder, added before or after; what is used first is outermost.
    func use(_ layer: Layer)
    /// Keeps what is wrong with a route, for the application to fail with at its start.
    func noteMistake(_ error: any Error)
}

extension RouteBuilder {
    public func on<Result: ResponseConvertible>(
        _ method: HTTPRequest.Method, _ pattern: String, bodyLimit: Int? = nil, timeout: Duration? = nil,
        _ handler: @escaping @Sendable (Request) throws -> Result
    ) {
        let limits = RouteLimits(bodyLimit: bodyLimit, timeout: timeout)
        add(method, pattern, limits, .immediate { request in try handler(request).makeResponse(for: request) })
    }

    public func on<Result: ResponseConvertible>(
        _ method: HTTPRequest.Method, _ pattern: String, bodyLimit: Int? = nil, timeout: Duration? = nil,
        _ handler: @escaping @Sendable (Request) async throws -> Result
    ) {
        let limits = RouteLimits(bodyLimit: bodyLimit, timeout: timeout)
        add(method, pattern, limits, .task { request in try await handler(request).makeResponse(for: request) })
    }

    /// The same for a handler that makes the response itself, as a site does for each of its requests: what a result of
    /// any type needs takes 1300 instructions, of a file's 36 000.
    package func on(
        _ method: HTTPRequest.Method, _ pattern: String,
        respond: @escaping @Sendable (Request) async throws -> Response
    ) { add(method, pattern, RouteLimits(), .task(respond)) }

    /// The same for all methods that no other route can be for, such as WebDAV's.
    package func onOthers(
        _ pattern: String, respond: @escaping @Sendable (Request) async throws -> Response
    ) { add(Route(.other, .task(respond)), at: pattern) }

    private func add(
        _ method: HTTPRequest.Method, _ pattern: String, _ limits: RouteLimits, _ action: Route.Action
    ) {
        do throws(UnknownMethod) {
            add(try Route(method, action, limits), at: pattern)
        } catch {
            noteMistake(error)
        }
    }

    /// The routes under `prefix`, such as `/api`, which may have limits and middleware of their own, and have their
    /// responses compressed.
    public func group(
        _ prefix: String, bodyLimit: Int? = nil, timeout: Duration? = nil, compression: Compression? = nil
    ) -> RouteGroup {
        let limits = RouteLimits(bodyLimit: bodyLimit, timeout: timeout)
        return RouteGroup(parent: self, prefix: prefix, limits: limits, compression: compression)
    }

    public func get<Result: ResponseConvertible>(
        _ pattern: String, bodyLimit: Int? = nil, timeout: Duration? = nil,
        _ handler: @escaping @Sendable (Request) throws -> Result
    ) { on(.get, pattern, bodyLimit: bodyLimit, timeout: timeout, handler) }

    public func get<Result: ResponseConvertible>(
        _ pattern: String, bodyLimit: Int? = nil, timeout: Duration? = nil,
        _ handler: @escaping @Sendable (Request) async throws -> Result
    ) { on(.get, pattern, bodyLimit: bodyLimit, timeout: timeout, handler) }

    public func post<Result: ResponseConvertible>(
        _ pattern: String, bodyLimit: Int? = nil, timeout: Duration? = nil,
        _ handler: @escaping @Sendable (Request) throws -> Result
    ) { on(.post, pattern, bodyLimit: bodyLimit, timeout: timeout, handler) }

    public func post<Result: ResponseConvertible>(
        _ pattern: String, bodyLimit: Int? = nil, timeout: Duration? = nil,
        _ handler: @escaping @Sendable (Request) async throws -> Result
    ) { on(.post, pattern, bodyLimit: bodyLimit, timeout: timeout, handler) }

    public func put<Result: ResponseConvertible>(
        _ pattern: String, bodyLimit: Int? = nil, timeout: Duration? = nil,
        _ handler: @escaping @Sendable (Request) throws -> Result
    ) { on(.put, pattern, bodyLimit: bodyLimit, timeout: timeout, handler) }

    public func put<Result: ResponseConvertible>(
        _ pattern: String, bodyLimit: Int? = nil, timeout: Duration? = nil,
        _ handler: @escaping @Sendable (Request) async throws -> Result
    ) { on(.put, pattern, bodyLimit: bodyLimit, timeout: timeout, handler) }

    public func delete<Result: ResponseConvertible>(
        _ pattern: String, bodyLimit: Int? = nil, timeout: Duration? = nil,
        _ handler: @escaping @Sendable (Request) throws -> Result
    ) { on(.delete, pattern, bodyLimit: bodyLimit, timeout: timeout, handler) }

    public func delete<Result: ResponseConvertible>(
        _ pattern: String, bodyLimit: Int? = nil, timeout: Duration? = nil,
        _ handler: @escaping @Sendable (Request) async throws -> Result
    ) { on(.delete, pattern, bodyLimit: bodyLimit, timeout: timeout, handler) }

    public func patch<Result: ResponseConvertible>(
        _ pattern: String, bodyLimit: Int? = nil, timeout: Duration? = nil,
        _ handler: @escaping @Sendable (Request) throws -> Result
    ) { on(.patch, pattern, bodyLimit: bodyLimit, timeout: timeout, handler) }

    public func patch<Result: ResponseConvertible>(
        _ pattern: String, bodyLimit: Int? = nil, timeout: Duration? = nil,
        _ handler: @escaping @Sendable (Request) async throws -> Result
    ) { on(.patch, pattern, bodyLimit: bodyLimit, timeout: timeout, handler) }

    public func head<Result: ResponseConvertible>(
        _ pattern: String, bodyLimit: Int? = nil, timeout: Duration? = nil,
        _ handler: @escaping @Sendable (Request) throws -> Result
    ) { on(.head, pattern, bodyLimit: bodyLimit, timeout: timeout, handler) }

    public func head<Result: ResponseConvertible>(
        _ pattern: String, bodyLimit: Int? = nil, timeout: Duration? = nil,
        _ handler: @escaping @Sendable (Request) async throws -> Result
    ) { on(.head, pattern, bodyLimit: bodyLimit, timeout: timeout, handler) }
}
