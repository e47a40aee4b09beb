internal import Igropyr
internal import IgropyrHTTP
internal import IgropyrUV

/// What a program is told of its request besides the fields; ``FieldVariables`` is about these.
struct RequestVariables {
    private let software: String
    private let protocolVersion: String
    private let hostName: String
    private let serverHost: String?
    private let serverPort: String
    private let method: String
    private let query: String
    private let uri: String
    private let clientHost: String
    private let clientPort: String?
    private let root: String
    private let file: String
    private let pathInfo: String?
    private let isEncrypted: Bool
    private let scheme: String?
    private let user: String?
    private let bodyLength: String?
    private let bodyType: String?

    init(_ call: FileRequest, root: String, bodyBytes: Int?) {
        let request = call.request
        let (client, server) = (call.remoteAddress, request.localAddress)
        software = call.serverName ?? "igropyr"
        // With both digits (RFC 3875 §4.1.16), which HTTP/2 does not write.
        protocolVersion = request.protocolVersion == "HTTP/2" ? "HTTP/2.0" : request.protocolVersion
        hostName = call.hostName
        serverHost = server?.hostText
        serverPort = String(server?.port ?? 0)
        method = call.method
        query = Self.withoutNUL(call.query) ?? ""
        uri = request.pathAndQuery
        clientHost = client?.hostText ?? ""
        clientPort = client.flatMap { $0.port == 0 ? nil : String($0.port) }
        self.root = root
        file = call.file
        pathInfo = call.pathInfo.isEmpty ? nil : "/" + call.pathInfo.joined(separator: "/")
        isEncrypted = request.isEncrypted
        scheme = call.authenticationScheme
        user = Self.withoutNUL(call.user)
        bodyLength = bodyBytes.map { String($0) }
        // Also without a body (RFC 3875 §4.1.3), but not of a request that another program has left behind.
        bodyType = call.isRestarted ? nil : request.header("Content-Type")
    }

    /// NUL ends a text of C's: what is behind it would be lost, or be another variable. A head has none, nor has a
    /// file's path.
    static func withoutNUL(_ text: String?) -> String? {
        guard let text else { return nil }
        let bytes = text.utf8.span
        return bytes.indices.contains { bytes[$0] == 0 } ? nil : text
    }

    /// All together take so much at most.
    var limitBytes: Int {
        var count = 0
        forEach { name, first, second, third in
            guard let first else { return }
            count += MetaVariables.longestLengthsBytes + name.utf8CodeUnitCount
            count += first.utf8.count + second.utf8.count + third.utf8.count
        }
        return count
    }

    /// - Precondition: There is room for ``limitBytes``.
    func append(to output: inout OutputSpan<UInt8>) {
        forEach { name, first, second, third in
            guard let first else { return }
            output.append(
                lengthOfName: name.utf8CodeUnitCount,
                ofValue: first.utf8.count + second.utf8.count + third.utf8.count)
            output.append(name)
            output.append(text: first)
            if !second.isEmpty { output.append(text: second) }
            if !third.isEmpty { output.append(text: third) }
        }
    }

    /// Those included that this request lacks.
    var names: Set<String> {
        var names: Set<String> = []
        forEach { name, _, _, _ in names.insert("\(name)") }
        return names
    }

    /// Calls `body` with each name and the parts of its value, the first of which is nil for a variable that the
    /// request lacks.
    @inline(__always)
    private func forEach(_ body: (_ name: StaticString, _ first: String?, _ second: String, _ third: String) -> Void) {
        body("GATEWAY_INTERFACE", "CGI/1.1", "", "")
        body("SERVER_SOFTWARE", software, "", "")
        body("SERVER_PROTOCOL", protocolVersion, "", "")
        body("SERVER_NAME", hostName, "", "")
        body("SERVER_ADDR", serverHost, "", "")
        body("SERVER_PORT", serverPort, "", "")
        body("REQUEST_METHOD", method, "", "")
        body("REQUEST_SCHEME", isEncrypted ? "https" : "http", "", "")
        body("HTTPS", isEncrypted ? "on" : nil, "", "")
        body("REQUEST_URI", uri, "", "")
        body("QUERY_STRING", query, "", "")
        body("REMOTE_ADDR", clientHost, "", "")
        body("REMOTE_HOST", clientHost, "", "")
        body("REMOTE_PORT", clientPort, "", "")
        body("AUTH_TYPE", scheme, "", "")
        body("REMOTE_USER", user, "", "")
        body("CONTENT_LENGTH", bodyLength, "", "")
        body("CONTENT_TYPE", bodyType, "", "")
        body("DOCUMENT_ROOT", root, "", "")
        body("DOCUMENT_URI", "/", file, "")
        body("SCRIPT_NAME", "/", file, "")
        body("SCRIPT_FILENAME", root, "/", file)
        body("PATH_INFO", pathInfo, "", "")
        body("PATH_TRANSLATED", pathInfo == nil ? nil : root, pathInfo ?? "", "")
        body("REDIRECT_STATUS", "200", "", "")  // Without it, php-cgi believes that it was called directly.
    }
}

extension OutputSpan<UInt8> {
    @inline(__always) fileprivate mutating func append(text: String) {
        let text = text.utf8.span
        unsafe append(text.bytes)
    }
}
