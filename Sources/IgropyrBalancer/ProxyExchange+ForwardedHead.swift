import IgropyrHTTP
import IgropyrTransport
import IgropyrUV

/// The head of a request as the worker gets it.
///
/// It says in `X-Forwarded-For`, `-Proto` and `-Host`, and if asked to in `Forwarded` (RFC 7239), who asked and how, as
/// ``ForwardedPolicy`` has it. `Forwarded` that nobody asked for passes from trusted proxies only, since a client could
/// write anything, and so do others of the family, such as `X-Forwarded-Prefix` and `X-Real-IP`.
extension ProxyExchange {
    /// What is added takes that much, about: room for it saves moving the head.
    static let addedBytes = 224

    func writeForwardedHead(
        _ head: MessageHead, _ bytes: RawSpan, from connection: any HTTPServerStream, to output: inout HTTPSerializer
    ) throws(HTTPSerializer.Failure) {
        writeRequestLine(head, bytes, to: &output)
        if let authority = head.authority {
            output.appendField("Host", checked: bytes.extracting(authority))
        } else {  // HTTP/1.0. Where the client reached the balancer stands in.
            try output.appendField("Host", connection.localAddress?.description ?? "localhost")
        }
        let listed = HopByHop.listed(in: head, bytes)
        let edits = settings.requestEdits
        let mode = proxy.settings.forwarded.mode
        let isTrusted = mode == .trust && connection.peerAddress.map(proxy.settings.forwarded.trusts) ?? false
        var told = ToldFields()
        var saysTE = false
        var fields = FieldIterator(head.fields)
        while let lines = fields.nextLines(
            in: bytes,
            keeping: { name, _ in
                let field = ProxiedField(name, in: bytes)
                switch field {
                case .hopByHop, .host, .imitation: return false
                case .te:
                    saysTE = true
                    return false
                // In HTTP/1.0 it says nothing (RFC 9110 §10.1.1), and to a worker it would.
                case .expect: if head.version == .http10 { return false }
                case .forwarded, .forwardedFor, .forwardedHost, .forwardedProto, .forwardedOther:
                    told.note(field)
                    // Whatever `Connection` lists: a proxy that passes that on must not have a client hide who it is.
                    return isTrusted && edits?.drops(name, in: bytes) != true
                case .other: break
                }
                if isReplaced(name, by: edits, in: bytes) { return false }
                return listed.isEmpty || !listed.contains { bytes.isSameName($0, name) }
            })
        {
            output.appendLines(bytes.extracting(lines))
        }
        if !isTrusted || !told.hops {
            try writeForwardedFor(
                connection.peerHostText, head, bytes, earlierHops: told.hops && mode == .append, to: &output)
        }
        if !isTrusted || !told.scheme { append(connection.isEncrypted ? Self.httpsLine : Self.httpLine, to: &output) }
        if let authority = head.authority, !isTrusted || !told.host {
            output.appendField("X-Forwarded-Host", checked: bytes.extracting(authority))
        }
        if proxy.settings.forwarded.writesStandardField, !isTrusted || !told.standard {
            try writeForwarded(
                connection, head, bytes, earlierHops: told.standard && mode == .append, to: &output)
        }
        if let edits { for field in edits.added { try output.appendField(field.name, field.value) } }
        append(head.version.viaLine, to: &output)
        if let identity { try identity.write(to: &output) }
        if let upgrade {
            try output.appendField("Connection", "Upgrade")
            try output.appendField("Upgrade", upgrade.names)
            if let key = upgrade.key { try output.appendField("Sec-WebSocket-Key", key) }
        } else if saysTE, head.takesTrailers(in: bytes) {
            try output.appendField("Connection", "TE")
            try output.appendField("TE", "trailers")
        }
        output.appendFraming(framing)
        output.endHead()
    }

    /// Whether the worker does not get a field of the client's because of what the balancer itself has to say.
    func isReplaced(_ name: Range<Int>, by edits: FieldEdits?, in bytes: RawSpan) -> Bool {
        if let identity, identity.replaces(name, in: bytes) { return true }
        if upgrade?.key != nil, bytes.matches("sec-websocket-key", in: name) { return true }
        return edits?.drops(name, in: bytes) ?? false
    }

    private static let httpLine = "X-Forwarded-Proto: http\r\n"
    private static let httpsLine = "X-Forwarded-Proto: https\r\n"

    private func append(_ line: String, to output: inout HTTPSerializer) {
        let line = line.utf8.span
        output.appendLines(unsafe line.bytes)
    }

    /// In origin form, as servers want it (RFC 9112 §3.2.1), whatever the client's form.
    private func writeRequestLine(_ head: MessageHead, _ bytes: RawSpan, to output: inout HTTPSerializer) {
        let connect = "GET".utf8.span  // What an extended CONNECT is in HTTP/1.1.
        let method = head.method == .connect ? unsafe connect.bytes : bytes.extracting(head.methodName)
        let end = head.query?.upperBound ?? head.path.upperBound
        guard head.path.isEmpty else {
            return output.beginRequest(
                checkedMethod: method, target: bytes.extracting(head.path.lowerBound..<end))
        }
        var target = "/"
        if head.method == .options, head.query == nil { target = "*" }
        if let query = head.query { target += "?" + bytes.string(in: query) }
        let text = target.utf8.span
        output.beginRequest(checkedMethod: method, target: unsafe text.bytes)
    }

    /// Which fields about the client a request has.
    private struct ToldFields {
        var hops = false
        var scheme = false
        var host = false
        var standard = false

        mutating func note(_ field: ProxiedField) {
            switch field {
            case .forwarded: standard = true
            case .forwardedFor: hops = true
            case .forwardedHost: host = true
            case .forwardedProto: scheme = true
            case .hopByHop, .te, .host, .expect, .forwardedOther, .imitation, .other: break
            }
        }
    }

    /// One field with all hops: many applications read the first field of that name only.
    private func writeForwardedFor(
        _ peer: String?, _ head: MessageHead, _ bytes: RawSpan, earlierHops: Bool, to output: inout HTTPSerializer
    ) throws(HTTPSerializer.Failure) {
        let client = peer ?? "unknown"
        guard earlierHops else {
            let client = client.utf8.span
            return output.appendField("X-Forwarded-For", checked: unsafe client.bytes)
        }
        var hops: [String] = []
        forEachValue(of: "x-forwarded-for", head, bytes) { hops.append(bytes.string(in: $0)) }
        try output.appendField("X-Forwarded-For", (hops + [client]).joined(separator: ", "))
    }

    /// Likewise. Nothing of what came is passed on if any of it is no list.
    private func writeForwarded(
        _ connection: any HTTPServerStream, _ head: MessageHead, _ bytes: RawSpan, earlierHops: Bool,
        to output: inout HTTPSerializer
    ) throws(HTTPSerializer.Failure) {
        var hops: [String] = []
        var isList = earlierHops
        forEachValue(of: "forwarded", head, bytes) { value in
            isList = isList && ForwardedElement.isList(value, in: bytes)
            hops.append(bytes.string(in: value))
        }
        if !isList { hops = [] }
        hops.append(
            ForwardedElement.text(
                client: connection.peerAddress, host: head.authority.map { bytes.string(in: $0) },
                isEncrypted: connection.isEncrypted))
        try output.appendField("Forwarded", hops.joined(separator: ", "))
    }

    private func forEachValue(
        of field: String, _ head: MessageHead, _ bytes: RawSpan, _ body: (Range<Int>) -> Void
    ) {
        head.forEachField(in: bytes) { name, value in
            if bytes.matches(field, in: name), !value.isEmpty { body(value) }
        }
    }
}
