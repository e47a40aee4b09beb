public import HTTPTypes

/// What routes are added to: an ``App``, or a ``RouteGroup`` of it.
///
/// A pattern has literal segments, `:name` for one segment, and `**` at its end for the rest: `/users/:id/files/**`. The
/// first segment in which two patterns differ decides: a literal before a parameter before `**`. GET answers HEAD, too,
/// and OPTIONS is answered from the routes there are.
///
/// A handler without `await` answers within one call, on the thread that read the request: it must not block. One with
/// `await` runs in a task on that same thread; the task is cancelled when the connection breaks.
public protocol RouteBuilder {
    func add(_ route: Route, at pattern: String)
    /// Keeps what is wrong with a route, for the application to fail with at its start.
    func noteMistake(_ error: any Error)
}

extension RouteBuilder {
    public func on<Result: ResponseConvertible>(
        _ method: HTTPRequest.Method, _ pattern: String, _ handler: @escaping @Sendable (Request) throws -> Result
    ) {
        add(method, pattern, .immediate { request in try handler(request).makeResponse() })
    }

    public func on<Result: ResponseConvertible>(
        _ method: HTTPRequest.Method, _ pattern: String,
        _ handler: @escaping @Sendable (Request) async throws -> Result
    ) {
        add(method, pattern, .task { request in try await handler(request).makeResponse() })
    }

    private func add(_ method: HTTPRequest.Method, _ pattern: String, _ action: Route.Action) {
        do throws(UnknownMethod) {
            add(try Route(method, action), at: pattern)
        } catch {
            noteMistake(error)
        }
    }

    /// The routes under `prefix`, such as `/api`, which may allow larger bodies than the others, and have their responses
    /// compressed.
    public func group(_ prefix: String, bodyLimit: Int? = nil, compression: Compression? = nil) -> RouteGroup {
        RouteGroup(parent: self, prefix: prefix, bodyLimit: bodyLimit, compression: compression)
    }

    public func get<Result: ResponseConvertible>(
        _ pattern: String, _ handler: @escaping @Sendable (Request) throws -> Result
    ) { on(.get, pattern, handler) }

    public func get<Result: ResponseConvertible>(
        _ pattern: String, _ handler: @escaping @Sendable (Request) async throws -> Result
    ) { on(.get, pattern, handler) }

    public func post<Result: ResponseConvertible>(
        _ pattern: String, _ handler: @escaping @Sendable (Request) throws -> Result
    ) { on(.post, pattern, handler) }

    public func post<Result: ResponseConvertible>(
        _ pattern: String, _ handler: @escaping @Sendable (Request) async throws -> Result
    ) { on(.post, pattern, handler) }

    public func put<Result: ResponseConvertible>(
        _ pattern: String, _ handler: @escaping @Sendable (Request) throws -> Result
    ) { on(.put, pattern, handler) }

    public func put<Result: ResponseConvertible>(
        _ pattern: String, _ handler: @escaping @Sendable (Request) async throws -> Result
    ) { on(.put, pattern, handler) }

    public func delete<Result: ResponseConvertible>(
        _ pattern: String, _ handler: @escaping @Sendable (Request) throws -> Result
    ) { on(.delete, pattern, handler) }

    public func delete<Result: ResponseConvertible>(
        _ pattern: String, _ handler: @escaping @Sendable (Request) async throws -> Result
    ) { on(.delete, pattern, handler) }

    public func patch<Result: ResponseConvertible>(
        _ pattern: String, _ handler: @escaping @Sendable (Request) throws -> Result
    ) { on(.patch, pattern, handler) }

    public func patch<Result: ResponseConvertible>(
        _ pattern: String, _ handler: @escaping @Sendable (Request) async throws -> Result
    ) { on(.patch, pattern, handler) }

    public func head<Result: ResponseConvertible>(
        _ pattern: String, _ handler: @escaping @Sendable (Request) throws -> Result
    ) { on(.head, pattern, handler) }

    public func head<Result: ResponseConvertible>(
        _ pattern: String, _ handler: @escaping @Sendable (Request) async throws -> Result
    ) { on(.head, pattern, handler) }
}
