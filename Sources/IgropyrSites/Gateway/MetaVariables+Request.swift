internal import Igropyr
internal import IgropyrHTTP
internal import IgropyrUV

extension MetaVariables {
    /// Of names, of lengths, and of values that are numbers or always the same, there are 488 at most.
    private static let fixedBytes = 512

    /// `environment` is what the administrator gives, and gives way; `bodyBytes` is nil without a body; `root` is the
    /// document root as the program sees it.
    init(_ call: FileRequest, root: String, environment: [String: String], bodyBytes: Int?) {
        let (request, file, fields) = (call.request, call.file, FieldVariables(of: call))
        let (client, server) = (call.remoteAddress, call.request.localAddress)
        let (clientHost, serverHost) = (client?.hostText ?? "", server?.hostText)
        let (software, isEncrypted) = (call.serverName ?? "igropyr", request.isEncrypted)
        let (query, uri) = (Self.withoutNUL(call.query) ?? "", request.pathAndQuery)
        let type = bodyBytes == nil ? nil : request.header("Content-Type")
        let (user, scheme) = (Self.withoutNUL(call.user), call.authenticationScheme)
        let info = call.pathInfo.isEmpty ? nil : "/" + call.pathInfo.joined(separator: "/")
        // Each as often as it stands below.
        let paths = 3 * root.utf8.count + 3 * file.utf8.count + 2 * (info?.utf8.count ?? 0)
        let hosts = 2 * clientHost.utf8.count + (serverHost?.utf8.count ?? 0) + call.hostName.utf8.count
        let texts = software.utf8.count + call.method.utf8.count + query.utf8.count + uri.utf8.count
        let others = (type?.utf8.count ?? 0) + (user?.utf8.count ?? 0) + (scheme?.utf8.count ?? 0)
        self.init(room: Self.fixedBytes + paths + hosts + texts + others + fields.room) { output in
            output.append("GATEWAY_INTERFACE", "CGI/1.1")
            output.append("SERVER_SOFTWARE", software)
            output.append("SERVER_PROTOCOL", request.protocolVersion)
            output.append("SERVER_NAME", call.hostName)
            output.append("SERVER_PORT", UInt64(server?.port ?? 0))
            output.append("REQUEST_METHOD", call.method)
            output.append("QUERY_STRING", query)
            output.append("REMOTE_ADDR", clientHost)
            output.append("REMOTE_HOST", clientHost)
            if let client, client.port != 0 { output.append("REMOTE_PORT", UInt64(client.port)) }
            if let scheme { output.append("AUTH_TYPE", scheme) }
            if let user { output.append("REMOTE_USER", user) }
            output.append("SCRIPT_NAME", "/", file)
            if let bodyBytes { output.append("CONTENT_LENGTH", UInt64(bodyBytes)) }
            if let type { output.append("CONTENT_TYPE", type) }
            if isEncrypted { output.append("HTTPS", "on") }
            output.append("REQUEST_SCHEME", isEncrypted ? "https" : "http")
            output.append("REQUEST_URI", uri)
            output.append("DOCUMENT_ROOT", root)
            output.append("DOCUMENT_URI", "/", file)
            output.append("SCRIPT_FILENAME", root, "/", file)
            if let serverHost { output.append("SERVER_ADDR", serverHost) }
            output.append("REDIRECT_STATUS", "200")  // Without it, php-cgi believes that it was called directly.
            if let info { output.append("PATH_INFO", info) }
            if let info { output.append("PATH_TRANSLATED", root, info) }
            fields.append(to: &output)
        }
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
