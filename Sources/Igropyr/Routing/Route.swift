internal import HTTPTypes
internal import IgropyrCoding
internal import IgropyrHTTP

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
    /// In place of ``action`` for paths that end with a slash; nil for none.
    var folderAction: Action?
    var limits: RouteLimits
    /// Nil for that of its group or the application.
    var compression: Compression?
    /// Its responses come in the coding that the client wants, or may have none.
    var choosesCoding = false
    /// The groups that it is in, the outermost first.
    var scopes: [MiddlewareScope] = []

    init(
        _ method: HTTPRequest.Method, _ action: Action, _ limits: RouteLimits = RouteLimits()
    ) throws(UnknownMethod) {
        self.method = HTTPMethod(method.rawValue)
        self.action = action
        self.limits = limits
        guard self.method != .other, self.method != .connect else { throw UnknownMethod(method: method) }
    }

    init(_ method: HTTPMethod, _ action: Action) {
        self.method = method
        self.action = action
        limits = RouteLimits()
    }

    private init(fallback action: Action) {
        method = .other
        self.action = action
        limits = RouteLimits(bodyLimit: 0)
    }

    /// Answers the requests that have no route, and says why they have none.
    static func fallback(notFound: Action?) -> Route {
        guard let notFound else { return Route(fallback: .immediate { request in try request.answerWithoutRoute() }) }
        switch notFound {
        case .immediate(let handler):
            return Route(
                fallback: .immediate { request in
                    request.hasNoRoute ? try handler(request) : try request.answerWithoutRoute()
                })
        case .task(let handler):
            return Route(
                fallback: .task { request in
                    request.hasNoRoute ? try await handler(request) : try request.answerWithoutRoute()
                })
        }
    }
}

extension Route.Action {
    /// The same with its responses compressed; if the route has chosen a coding, those whose body was mapped since.
    func compressed(by compression: Compression, unlessChosen hasChosen: Bool) -> Route.Action {
        @Sendable func compressed(_ response: Response, _ request: Request) -> Response {
            hasChosen && !request.isForWholeBody ? response : compression.apply(to: response, for: request)
        }
        return switch self {
        case .immediate(let handler): .immediate { request in compressed(try handler(request), request) }
        case .task(let handler): .task { request in compressed(try await handler(request), request) }
        }
    }
}

/// What a route or group sets for itself; nil leaves it to what is around it.
struct RouteLimits: Sendable {
    var bodyLimit: Int?
    var timeout: Duration?

    func orElse(_ outer: RouteLimits) -> RouteLimits {
        RouteLimits(bodyLimit: bodyLimit ?? outer.bodyLimit, timeout: timeout ?? outer.timeout)
    }

    func check(at pattern: String) throws(InvalidSetting) {
        if let bodyLimit {
            try InvalidSetting.require("bodyLimit of \(pattern)", bodyLimit, bodyLimit >= 0, "0 or more")
        }
        if let timeout { try InvalidSetting.require("timeout of \(pattern)", timeout, timeout > .zero, "more than 0") }
    }
}

/// A route for a method that no router knows.
struct UnknownMethod: Error, CustomStringConvertible {
    let method: HTTPRequest.Method
    var description: String { "no route can be for the method \(method)" }
}
