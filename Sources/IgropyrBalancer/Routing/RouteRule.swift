public import IgropyrCoding
public import IgropyrOrchestration

/// A rule of a configuration file: which requests, and what happens to them.
public struct RouteRule: Sendable, Hashable {
    public enum Action: Sendable, Hashable {
        case application(ApplicationName)
        /// `status` is 301, 302, 303, 307 or 308.
        case redirect(RedirectTarget, status: Int)
    }

    public var match: RouteMatch
    public var action: Action
    public var overrides = RouteOverrides()

    public init(_ match: RouteMatch, _ action: Action) {
        self.match = match
        self.action = action
    }
}

/// What a rule says otherwise than its application; nil where it says nothing.
public struct RouteOverrides: Sendable, Hashable {
    public var hashKey: HashKey?
    public var connectTimeout: Duration?
    public var responseTimeout: Duration?
    public var retries: Int?
    public var bufferedBodyBytes: Int?
    /// Nil within says: no compression for these.
    public var compression: Compression??
    /// After the application's own.
    public var requestFields = FieldEdits()
    /// Likewise.
    public var responseFields = FieldEdits()

    public init() {}

    /// The application's settings for requests of the rule; made once, not for each request.
    public func applied(to settings: ApplicationSettings) -> ApplicationSettings {
        var settings = settings
        if let hashKey { settings.hashKey = hashKey }
        if let connectTimeout { settings.connectTimeout = connectTimeout }
        if let responseTimeout { settings.responseTimeout = responseTimeout }
        if let retries { settings.retries = retries }
        if let bufferedBodyBytes { settings.bufferedBodyBytes = bufferedBodyBytes }
        if let compression { settings.compression = compression }
        settings.requestFields = settings.requestFields.followed(by: requestFields)
        settings.responseFields = settings.responseFields.followed(by: responseFields)
        return settings
    }
}
