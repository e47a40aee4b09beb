internal import IgropyrHTTP
internal import HTTPTypes

/// What answers the requests of one method to one pattern; made by ``RouteBuilder``.
public struct Route: Sendable {
    enum Action: Sendable {
        /// Answers within the call, on the connection's loop; needs no task.
        case immediate(@Sendable (Request) throws -> Response)
        /// Runs in a task on the connection's loop.
        case task(@Sendable (Request) async throws -> Response)
    }

    let method: HTTPMethod
    private(set) var action: Action
    /// Nil for the application's own.
    var bodyLimit: Int?
    /// Nil for the application's own.
    var compression: Compression?
    /// Its responses come in the coding that the client wants, or may have none.
    var choosesCoding = false

    init(_ method: HTTPRequest.Method, _ action: Action) throws(UnknownMethod) {
        self.method = HTTPMethod(method.rawValue)
        self.action = action
        guard self.method != .other, self.method != .connect else { throw UnknownMethod(method: method) }
    }

    /// The same with its responses compressed, and none to be asked for any more: a route is copied for each request.
    func compressed(by compression: Compression) -> Route {
        var route = self
        route.compression = nil
        guard !choosesCoding else { return route }
        switch action {
        case .immediate(let handler):
            route.action = .immediate { request in compression.apply(to: try handler(request), for: request) }
        case .task(let handler):
            route.action = .task { request in compression.apply(to: try await handler(request), for: request) }
        }
        return route
    }
}

/// A route for a method that no router knows.
struct UnknownMethod: Error, CustomStringConvertible {
    let method: HTTPRequest.Method
    var description: String { "no route can be for the method \(method)" }
}
