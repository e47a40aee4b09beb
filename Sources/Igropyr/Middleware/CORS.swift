public import HTTPTypes
internal import IgropyrTime

/// Lets pages of other origins use this application from a browser (the Fetch standard's CORS protocol), and answers
/// the browser's preflight. Belongs on the application, not on a group: a preflight is an OPTIONS request without a
/// route.
public struct CORS: Middleware {
    /// Whose pages may.
    public enum Origins: Sendable {
        /// Anybody's; never together with credentials.
        case any
        /// Written as browsers do: `https://example.org`, with the port unless it is the scheme's own.
        case these(Set<String>)
    }

    public var origins: Origins
    public var methods: [HTTPRequest.Method]
    /// Fields that a page may set on its requests, beyond those that are always allowed.
    public var requestFields: [String]
    /// Fields that a page may read of a response, beyond those that are always allowed.
    public var exposedFields: [String]
    /// Whether cookies and the like go with a request; for named origins only.
    public var allowsCredentials: Bool
    /// How long a browser may remember a preflight's answer; browsers keep to two hours at most.
    public var maximumAge: Duration

    public init(
        origins: Origins, methods: [HTTPRequest.Method] = [.get, .head, .post, .put, .patch, .delete],
        requestFields: [String] = ["Authorization", "Content-Type"], exposedFields: [String] = [],
        allowsCredentials: Bool = false, maximumAge: Duration = .seconds(600)
    ) {
        self.origins = origins
        self.methods = methods
        self.requestFields = requestFields
        self.exposedFields = exposedFields
        self.allowsCredentials = allowsCredentials
        self.maximumAge = maximumAge
    }

    public func before(_ request: Request) -> Response? {
        guard request.method == .options, request.header("Access-Control-Request-Method") != nil,
            allowed(request) != nil
        else { return nil }
        var response = Response(.noContent)
        response.fields[.accessControlAllowMethods] = methods.map(\.rawValue).joined(separator: ", ")
        response.fields[.accessControlAllowHeaders] = requestFields.joined(separator: ", ")
        response.fields[.accessControlMaxAge] = "\(maximumAge.secondsRoundedUp)"
        return response
    }

    public func after(_ request: Request, _ response: inout Response) {
        if case .these = origins { response.fields.append(HTTPField(name: .vary, value: "Origin")) }
        guard let origin = allowed(request) else { return }
        response.fields[.accessControlAllowOrigin] = origin
        if allowsCredentials, origin != "*" { response.fields[.accessControlAllowCredentials] = "true" }
        if !exposedFields.isEmpty {
            response.fields[.accessControlExposeHeaders] = exposedFields.joined(separator: ", ")
        }
    }

    /// What to say about the request's origin; nil if it has none, or one that may not.
    private func allowed(_ request: Request) -> String? {
        guard let origin = request.header("Origin") else { return nil }
        switch origins {
        case .any: return "*"
        case .these(let list): return list.contains(origin) ? origin : nil
        }
    }
}
