internal import Glibc
internal import Igropyr
internal import IgropyrHTTP
internal import IgropyrUV

/// What a program is told of its request: CGI's meta-variables (RFC 3875 §4.1), and those that PHP and others go by.
///
/// All in one array: a request has thirty of them, and two strings each would cost more than all else that is done for it.
struct MetaVariables {
    /// Each name and its value behind it.
    private(set) var bytes: [UInt8] = []
    private var variables: [Variable] = []

    private struct Variable {
        let name: Range<Int>
        var valueEnd: Int
        /// If not, the program is not to have it from elsewhere either.
        var isTold: Bool

        var value: Range<Int> { name.upperBound..<valueEnd }
    }

    /// Names and values are as long in all.
    private static let (usualBytes, usualCount) = (1024, 40)

    /// Whether to note what the program is not to have, since an environment could bring it.
    private let notesWithheld: Bool

    private init(notesWithheld: Bool = false) {
        self.notesWithheld = notesWithheld
        bytes.reserveCapacity(Self.usualBytes)
        variables.reserveCapacity(Self.usualCount)
    }

    /// No fewer than there are.
    var count: Int { variables.count }

    /// Calls `body` with where a name and, behind it, its value are in ``bytes``, for one after the other. Each name is there
    /// once.
    func forEach(_ body: (_ name: Range<Int>, _ value: Range<Int>) -> Void) {
        for variable in variables where variable.isTold { body(variable.name, variable.value) }
    }

    var dictionary: [String: String] {
        var values: [String: String] = [:]
        forEach { name, value in values[text(name)] = text(value) }
        return values
    }

    func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
}

// MARK: - Of a request

extension MetaVariables {
    /// `environment` is what the administrator gives, and gives way; `bodyBytes` is nil without a body; `root` is the
    /// document root as the program sees it.
    init(_ call: FileRequest, root: String, environment: [String: String], bodyBytes: Int?) {
        self.init(notesWithheld: !environment.isEmpty)
        appendOwn(call, root: root, bodyBytes: bodyBytes)
        appendFields(of: call)
        for (name, value) in environment where !has(name) { append(named: name, value) }
        dropValuesWithNUL()
    }

    private mutating func appendOwn(_ call: FileRequest, root: String, bodyBytes: Int?) {
        let request = call.request
        let (client, server) = (call.remoteAddress, request.localAddress)
        let clientHost = client?.hostText ?? ""
        let isEncrypted = request.isEncrypted
        let info = call.pathInfo.isEmpty ? nil : "/" + call.pathInfo.joined(separator: "/")
        append("GATEWAY_INTERFACE", "CGI/1.1")
        append("SERVER_SOFTWARE", call.serverName ?? "igropyr")
        append("SERVER_PROTOCOL", request.protocolVersion)
        append("SERVER_NAME", call.hostName)
        append("SERVER_PORT", String(server?.port ?? 0))
        append("REQUEST_METHOD", call.method)
        append("QUERY_STRING", call.query ?? "")
        append("REMOTE_ADDR", clientHost)
        append("REMOTE_HOST", clientHost)
        append("REMOTE_PORT", client.flatMap { $0.port == 0 ? nil : String($0.port) })
        append("AUTH_TYPE", call.authenticationScheme)
        append("REMOTE_USER", call.user)
        append("SCRIPT_NAME", "/")
        extend(by: call.file)
        append("CONTENT_LENGTH", bodyBytes.map { String($0) })
        append("CONTENT_TYPE", bodyBytes == nil ? nil : request.header("Content-Type"))
        append("HTTPS", isEncrypted ? "on" : nil)
        append("REQUEST_SCHEME", isEncrypted ? "https" : "http")
        append("REQUEST_URI", request.pathAndQuery)
        append("DOCUMENT_ROOT", root)
        append("DOCUMENT_URI", "/")
        extend(by: call.file)
        append("SCRIPT_FILENAME", root)
        extend(by: "/")
        extend(by: call.file)
        append("SERVER_ADDR", server?.hostText)
        append("REDIRECT_STATUS", "200")  // Without it, php-cgi believes that it was called directly.
        append("PATH_INFO", info)
        append("PATH_TRANSLATED", info.map { root + $0 })
        append("HTTP_PROXY", nil)  // Programs take it for the address of a proxy (CVE-2016-5385).
    }

    /// The request's fields, as `HTTP_…` (§4.1.18); several of a name as one.
    private mutating func appendFields(of call: FileRequest) {
        let (head, fields) = call.request.fieldRanges
        let first = variables.count
        for (index, field) in fields.enumerated() {
            guard let name = append(variableOf: head[field.name]) else { continue }
            guard isTold(name, of: call), !variables[first...].contains(where: { bytes[$0.name] == bytes[name] }) else {
                bytes.removeSubrange(name)
                continue
            }
            bytes += head[field.value]
            for other in fields[(index + 1)...] where isVariable(name, of: head[other.name]) {
                bytes += isEqual(name, Self.cookie) ? "; ".utf8 : ", ".utf8
                bytes += head[other.value]
            }
            note(name, isTold: true)
        }
    }

    /// Not what has variables of its own, nor what was between the client and this server only.
    private func isTold(_ variable: Range<Int>, of call: FileRequest) -> Bool {
        // Who has authenticated the client keeps the password to itself.
        if call.user != nil, isEqual(variable, Self.authorization) { return false }
        return !Self.withheld.contains { isEqual(variable, $0) }
    }

    private static let cookie = Array("HTTP_COOKIE".utf8)
    private static let authorization = Array("HTTP_AUTHORIZATION".utf8)
    private static let withheld = [
        "CONTENT_LENGTH", "CONTENT_TYPE", "CONNECTION", "KEEP_ALIVE", "PROXY", "PROXY_AUTHORIZATION",
        "PROXY_CONNECTION", "TE", "TRAILER", "TRANSFER_ENCODING", "UPGRADE",
    ].map { Array("HTTP_\($0)".utf8) }
}

// MARK: - Writing

extension MetaVariables {
    init(_ variables: [(name: String, value: String)]) {
        self.init()
        for (name, value) in variables { append(named: name, value) }
    }

    /// Nil is for what the program is not to have.
    private mutating func append(_ name: StaticString, _ value: String?) {
        guard value != nil || notesWithheld else { return }
        let nameRange = bytes.count..<(bytes.count + name.utf8CodeUnitCount)
        let text = (value ?? "").utf8.span
        bytes.append(addingCapacity: nameRange.count + text.count) { output in
            output.append(name)
            unsafe output.append(text.bytes)
        }
        note(nameRange, isTold: value != nil)
    }

    /// Lengthens the value that was appended last.
    private mutating func extend(by text: String) {
        append(text)
        variables[variables.count - 1].valueEnd = bytes.count
    }

    private mutating func append(named name: String, _ value: String) {
        let start = bytes.count
        append(name)
        let end = bytes.count
        append(value)
        note(start..<end, isTold: true)
    }

    private mutating func append(_ text: String) {
        let text = text.utf8.span
        bytes.append(addingCapacity: text.count) { output in unsafe output.append(text.bytes) }
    }

    /// The rest of ``bytes`` is the value.
    private mutating func note(_ name: Range<Int>, isTold: Bool) {
        variables.append(Variable(name: name, valueEnd: bytes.count, isTold: isTold))
    }

    /// `HTTP_` and the field's name. Nil for one with an underscore: it would pass for another.
    private mutating func append(variableOf field: ArraySlice<UInt8>) -> Range<Int>? {
        guard !field.contains(UInt8(ascii: "_")) else { return nil }
        let start = bytes.count
        bytes.append(addingCapacity: Self.prefix.utf8CodeUnitCount + field.count) { output in
            output.append(Self.prefix)
            for byte in field { output.append(Self.variableByte(byte)) }
        }
        return start..<bytes.count
    }

    private func isVariable(_ variable: Range<Int>, of field: ArraySlice<UInt8>) -> Bool {
        variable.count == Self.prefix.utf8CodeUnitCount + field.count && !field.contains(UInt8(ascii: "_"))
            && bytes[variable].suffix(field.count).elementsEqual(field.lazy.map(Self.variableByte))
    }

    private static let prefix: StaticString = "HTTP_"

    private static func variableByte(_ byte: UInt8) -> UInt8 {
        switch byte {
        case UInt8(ascii: "-"): UInt8(ascii: "_")
        case UInt8(ascii: "a")...UInt8(ascii: "z"): byte & ~0x20
        default: byte
        }
    }

    private func isEqual(_ name: Range<Int>, _ text: [UInt8]) -> Bool {
        name.count == text.count && bytes[name].elementsEqual(text)
    }

    private func has(_ name: String) -> Bool {
        let name = Array(name.utf8)
        return variables.contains { isEqual($0.name, name) }
    }

    /// NUL ends a text of C's: what is behind it would be lost, or be another variable.
    private mutating func dropValuesWithNUL() {
        guard unsafe bytes.withUnsafeBytes({ unsafe memchr($0.baseAddress!, 0, $0.count) }) != nil else { return }
        for index in variables.indices where bytes[variables[index].value].contains(0) {
            variables[index].isTold = false
        }
    }
}
