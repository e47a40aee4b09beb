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
        let optional: [(name: String, value: String?)] = [
            ("REMOTE_PORT", client.flatMap { $0.port == 0 ? nil : String($0.port) }), ("AUTH_TYPE", scheme),
            ("REMOTE_USER", user), ("CONTENT_LENGTH", bodyBytes.map { String($0) }), ("CONTENT_TYPE", type),
            ("HTTPS", isEncrypted ? "on" : nil), ("SERVER_ADDR", serverHost), ("PATH_INFO", info),
            ("PATH_TRANSLATED", info.map { root + $0 }),
        ]
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
        append("SCRIPT_NAME", "/", file)
        append("REQUEST_SCHEME", isEncrypted ? "https" : "http")
        append("REQUEST_URI", uri)
        append("DOCUMENT_ROOT", root)
        append("DOCUMENT_URI", "/", file)
        append("SCRIPT_FILENAME", root, "/", file)
        append("REDIRECT_STATUS", "200")  // Without it, php-cgi believes that it was called directly.
        for (name, value) in optional { if let value { append(name, value) } }
        FieldVariables(of: call).append(to: &self)
        if !environment.isEmpty { append(environment, without: optional.map(\.name)) }
    }

    /// `others` are variables of a request that this one may lack: then they are not to come from elsewhere. `HTTP_PROXY` never is.
    private mutating func append(_ environment: [String: String], without others: [String]) {
        var names = Set(others + ["HTTP_PROXY"])
        forEach { name, _ in names.insert(text(name)) }
        for (name, value) in environment where !names.contains(name) {
            if let value = Self.withoutNUL(value) { append(name, value) }
        }
    }

    /// NUL ends a text of C's: what is behind it would be lost, or be another variable. A head has none, nor has a file's path.
    private static func withoutNUL(_ text: String?) -> String? {
        guard let text else { return nil }
        let bytes = text.utf8.span
        return bytes.indices.contains { bytes[$0] == 0 } ? nil : text
    }
}
