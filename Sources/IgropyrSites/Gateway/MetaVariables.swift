internal import Igropyr
internal import IgropyrUV

/// What a program is told of its request: CGI's meta-variables (RFC 3875 §4.1), and those that PHP and others go by.
struct MetaVariables {
    private(set) var values: [String: String]

    /// `environment` is what the administrator gives, and gives way; `bodyBytes` is nil without a body; `root` is the
    /// document root as the program sees it.
    init(_ call: FileRequest, root: String, environment: [String: String], bodyBytes: Int?) {
        values = environment
        addFields(call)
        let request = call.request
        let script = "/" + call.file
        let (client, server) = (call.remoteAddress?.hostText, request.localAddress)
        let set: [(String, String?)] = [
            ("GATEWAY_INTERFACE", "CGI/1.1"), ("SERVER_SOFTWARE", call.serverName ?? "igropyr"),
            ("SERVER_PROTOCOL", request.protocolVersion), ("SERVER_NAME", call.hostName),
            ("SERVER_PORT", "\(server?.port ?? 0)"), ("REQUEST_METHOD", call.method),
            ("QUERY_STRING", call.query ?? ""),
            ("REMOTE_ADDR", client ?? ""), ("REMOTE_HOST", client ?? ""),
            ("REMOTE_PORT", call.remoteAddress.flatMap { $0.port == 0 ? nil : "\($0.port)" }),
            ("AUTH_TYPE", call.authenticationScheme), ("REMOTE_USER", call.user), ("SCRIPT_NAME", script),
            ("CONTENT_LENGTH", bodyBytes.map { "\($0)" }),
            ("CONTENT_TYPE", bodyBytes == nil ? nil : request.header("Content-Type")),
            ("HTTPS", request.isEncrypted ? "on" : nil), ("REQUEST_SCHEME", request.isEncrypted ? "https" : "http"),
            ("REQUEST_URI", request.path + (request.queryText.map { "?" + $0 } ?? "")), ("DOCUMENT_ROOT", root),
            ("DOCUMENT_URI", script),
            ("SCRIPT_FILENAME", root + script), ("SERVER_ADDR", server?.hostText),
            ("REDIRECT_STATUS", "200"),  // Without it, php-cgi believes that it was called directly.
        ]
        for (name, value) in set { values[name] = value }
        addPathInfo(call, root)
        values["HTTP_PROXY"] = nil  // Programs take it for the address of a proxy (CVE-2016-5385).
        for (name, value) in values where value.utf8.contains(0) { values[name] = nil }
    }

    private mutating func addPathInfo(_ call: FileRequest, _ root: String) {
        values["PATH_INFO"] = nil
        values["PATH_TRANSLATED"] = nil
        guard !call.pathInfo.isEmpty else { return }
        let info = "/" + call.pathInfo.joined(separator: "/")
        values["PATH_INFO"] = info
        values["PATH_TRANSLATED"] = root + info
    }

    /// The request's fields, as `HTTP_…` (§4.1.18). One with an underscore in its name is left out: it would pass for another.
    private mutating func addFields(_ call: FileRequest) {
        var fields: [String: String] = [:]
        for field in call.request.fields {
            let name = field.name.canonicalName
            guard !name.contains("_"), !Self.withheld.contains(name) else { continue }
            // Who has authenticated the client keeps the password to itself.
            if name == "authorization", call.user != nil { continue }
            let variable = "HTTP_" + name.uppercased().replacing("-", with: "_")
            let separator = name == "cookie" ? "; " : ", "
            fields[variable] = fields[variable].map { $0 + separator + field.value } ?? field.value
        }
        values.merge(fields) { _, sent in sent }
    }

    /// What has variables of its own, and what was between the client and this server only.
    private static let withheld: Set = [
        "content-length", "content-type", "connection", "keep-alive", "proxy", "proxy-authorization",
        "proxy-connection", "te",
        "trailer", "transfer-encoding", "upgrade",
    ]
}
