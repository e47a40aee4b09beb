internal import Igropyr
internal import IgropyrUV

/// What a program is told of its request: CGI's meta-variables (RFC 3875 §4.1), and those that PHP and others go by.
struct MetaVariables {
    typealias Pair = (name: String, value: String)

    /// Each name once.
    let values: [Pair]

    /// `environment` is what the administrator gives, and gives way; `bodyBytes` is nil without a body; `root` is the
    /// document root as the program sees it.
    init(_ call: FileRequest, root: String, environment: [String: String], bodyBytes: Int?) {
        let request = call.request
        let script = "/" + call.file
        let (client, server) = (call.remoteAddress?.hostText, request.localAddress)
        let info = call.pathInfo.isEmpty ? nil : "/" + call.pathInfo.joined(separator: "/")
        let own: [(name: String, value: String?)] = [
            ("GATEWAY_INTERFACE", "CGI/1.1"), ("SERVER_SOFTWARE", call.serverName ?? "igropyr"),
            ("SERVER_PROTOCOL", request.protocolVersion), ("SERVER_NAME", call.hostName),
            ("SERVER_PORT", String(server?.port ?? 0)), ("REQUEST_METHOD", call.method),
            ("QUERY_STRING", call.query ?? ""),
            ("REMOTE_ADDR", client ?? ""), ("REMOTE_HOST", client ?? ""),
            ("REMOTE_PORT", call.remoteAddress.flatMap { $0.port == 0 ? nil : String($0.port) }),
            ("AUTH_TYPE", call.authenticationScheme), ("REMOTE_USER", call.user), ("SCRIPT_NAME", script),
            ("CONTENT_LENGTH", bodyBytes.map { String($0) }),
            ("CONTENT_TYPE", bodyBytes == nil ? nil : request.header("Content-Type")),
            ("HTTPS", request.isEncrypted ? "on" : nil), ("REQUEST_SCHEME", request.isEncrypted ? "https" : "http"),
            ("REQUEST_URI", request.path + (request.queryText.map { "?" + $0 } ?? "")), ("DOCUMENT_ROOT", root),
            ("DOCUMENT_URI", script),
            ("SCRIPT_FILENAME", root + script), ("SERVER_ADDR", server?.hostText),
            ("REDIRECT_STATUS", "200"),  // Without it, php-cgi believes that it was called directly.
            ("PATH_INFO", info), ("PATH_TRANSLATED", info.map { root + $0 }),
            ("HTTP_PROXY", nil),  // Programs take it for the address of a proxy (CVE-2016-5385).
        ]
        let fields = Self.fields(call)
        var values: [Pair] = []
        values.reserveCapacity(own.count + fields.count + environment.count)
        for (name, value) in own {
            if let value { values.append((name, value)) }
        }
        values += fields
        for (name, value) in environment
        where !own.contains(where: { $0.name == name }) && !fields.contains(where: { $0.name == name }) {
            values.append((name, value))
        }
        values.removeAll { $0.value.utf8.contains(0) }
        self.values = values
    }

    /// The request's fields, as `HTTP_…` (§4.1.18).
    private static func fields(_ call: FileRequest) -> [Pair] {
        var fields: [Pair] = []
        call.request.forEachField { name, value in
            guard let variable = variable(ofField: name) else { return }
            // Who has authenticated the client keeps the password to itself.
            if variable == "HTTP_AUTHORIZATION", call.user != nil { return }
            if let index = fields.firstIndex(where: { $0.name == variable }) {
                fields[index].value += (variable == "HTTP_COOKIE" ? "; " : ", ") + value
            } else {
                fields.append((variable, value))
            }
        }
        return fields
    }

    /// Nil for what is withheld, and for a name with an underscore: it would pass for another.
    private static func variable(ofField name: String) -> String? {
        var bytes = Array("HTTP_".utf8)
        for byte in name.utf8 {
            switch byte {
            case UInt8(ascii: "_"): return nil
            case UInt8(ascii: "-"): bytes.append(UInt8(ascii: "_"))
            case UInt8(ascii: "a")...UInt8(ascii: "z"): bytes.append(byte & ~0x20)
            default: bytes.append(byte)
            }
        }
        let variable = String(decoding: bytes, as: UTF8.self)
        return withheld.contains(variable) ? nil : variable
    }

    /// What has variables of its own, and what was between the client and this server only.
    private static let withheld: Set = [
        "HTTP_CONTENT_LENGTH", "HTTP_CONTENT_TYPE", "HTTP_CONNECTION", "HTTP_KEEP_ALIVE", "HTTP_PROXY",
        "HTTP_PROXY_AUTHORIZATION", "HTTP_PROXY_CONNECTION", "HTTP_TE", "HTTP_TRAILER", "HTTP_TRANSFER_ENCODING",
        "HTTP_UPGRADE",
    ]
}
