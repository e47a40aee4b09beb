internal import HTTPTypes
internal import IgropyrTime

/// Fields that make browsers careful, where the handler has not set them itself.
public struct SecurityHeaders: Middleware {
    /// `Content-Security-Policy`; nil for none. The default suits pages that bring all they need from their own origin.
    public var contentSecurityPolicy: String? = "default-src 'self'; frame-ancestors 'self'"
    public var referrerPolicy: String? = "strict-origin-when-cross-origin"
    /// For how long browsers keep to https, once they have seen a response by it; nil for not at all.
    public var strictTransportSecurity: Duration? = .seconds(365 * 24 * 3600)
    /// Whether that holds for all names below this one, too.
    public var includesSubdomains = false

    public init() {}

    public func after(_ request: Request, _ response: inout Response) {
        set(.xContentTypeOptions, "nosniff", in: &response)
        if let contentSecurityPolicy { set(.contentSecurityPolicy, contentSecurityPolicy, in: &response) }
        if let referrerPolicy { set(Self.referrerPolicy, referrerPolicy, in: &response) }
        if let strictTransportSecurity, request.isEncrypted {
            let age = "max-age=\(strictTransportSecurity.secondsRoundedUp)"
            set(
                .strictTransportSecurity, includesSubdomains ? age + "; includeSubDomains" : age, in: &response)
        }
    }

    private static let referrerPolicy = HTTPField.Name("Referrer-Policy")!

    private func set(_ name: HTTPField.Name, _ value: String, in response: inout Response) {
        if response.fields[name] == nil { response.fields[name] = value }
    }
}
