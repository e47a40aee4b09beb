internal import Igropyr
internal import IgropyrHTTP
internal import IgropyrUV

extension MetaVariables {
    /// `environment` is what the administrator gives, and gives way; `bodyBytes` is nil without a body; `root` is the
    /// document root as the program sees it.
    init(_ call: FileRequest, root: String, environment: [String: String], bodyBytes: Int?) {
        let (request, file) = (call.request, call.file)
        let (client, server) = (call.remoteAddress, call.request.localAddress)
        let (clientHost, serverHost) = (client?.hostText ?? "", server?.hostText)
        let (software, isEncrypted) = (call.serverName ?? "igropyr", request.isEncrypted)
        let (query, uri) = (Self.withoutNUL(call.query) ?? "", request.pathAndQuery)
        let type = bodyBytes == nil ? nil : request.header("Content-Type")
        let (user, scheme) = (Self.withoutNUL(call.user), call.authenticationScheme)
        let info = call.pathInfo.isEmpty ? nil : "/" + call.pathInfo.joined(separator: "/")
        self.init()
        append("GATEWAY_INTERFACE", "CGI/1.1")
        append("SERVER_SOFTWARE", software)
        append("SERVER_PROTOCOL", request.protocolVersion)
        append("SERVER_NAME", call.hostName)
        append("SERVER_PORT", String(server?.port ?? 0))
        append("REQUEST_METHOD", call.method)
        append("QUERY_STRING", query)
        append("REMOTE_ADDR", clientHost)
        append("REMOTE_HOST", clientHost)
        if let client, client.port != 0 { append("REMOTE_PORT", String(client.port)) }
        if let scheme { append("AUTH_TYPE", scheme) }
        if let user { append("REMOTE_USER", user) }
        append("SCRIPT_NAME", "/", file)
        if let bodyBytes { append("CONTENT_LENGTH", String(bodyBytes)) }
        if let type { append("CONTENT_TYPE", type) }
        if isEncrypted { append("HTTPS", "on") }
        append("REQUEST_SCHEME", isEncrypted ? "https" : "http")
        append("REQUEST_URI", uri)
        append("DOCUMENT_ROOT", root)
        append("DOCUMENT_URI", "/", file)
        append("SCRIPT_FILENAME", root, "/", file)
        if let serverHost { append("SERVER_ADDR", serverHost) }
        append("REDIRECT_STATUS", "200")  // Without it, php-cgi believes that it was called directly.
        if let info { append("PATH_INFO", info) }
        if let info { append("PATH_TRANSLATED", root, info) }
        FieldVariables(of: call).append(to: &self)
        if !environment.isEmpty { append(environment) }
    }

    private mutating func append(_ environment: [String: String]) {
        var names = Self.ownOfRequests
        forEach { name, _ in names.insert(text(name)) }
        for (name, value) in environment where !names.contains(name) {
            if let value = Self.withoutNUL(value) { append(name, value) }
        }
    }

    /// What not each request has; where it has not, it is not to come from elsewhere.
    private static let ownOfRequests: Set = [
        "AUTH_TYPE", "CONTENT_LENGTH", "CONTENT_TYPE", "HTTPS", "PATH_INFO", "PATH_TRANSLATED", "REMOTE_PORT",
        "REMOTE_USER", "SERVER_ADDR", "HTTP_PROXY",
    ]

    /// NUL ends a text of C's: what is behind it would be lost, or be another variable. A head has none, nor has a file's path.
    private static func withoutNUL(_ text: String?) -> String? {
        guard let text else { return nil }
        let bytes = text.utf8.span
        return bytes.indices.contains { bytes[$0] == 0 } ? nil : text
    }
}
