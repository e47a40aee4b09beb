import IgropyrHTTP
import IgropyrUV

/// Writes the head of a request as the worker gets it, without framing and without the empty line at its end.
///
/// Appends the client to `X-Forwarded-For` and says in `X-Forwarded-Proto` and `X-Forwarded-Host` what the client used;
/// what a client writes there itself is dropped, since it could write anything.
struct ForwardedRequest {
    /// What the fields that are added take, about: room for them saves moving the head.
    static let addedBytes = 192

    var client: SocketAddress?
    /// Where the client reached the balancer; stands in for `Host` in HTTP/1.0 without one.
    var local: SocketAddress?
    var isEncrypted: Bool
    var upgrade: Upgrade?
    var identity: RequestIdentity?

    func write(_ head: MessageHead, _ bytes: RawSpan, to output: inout HTTPSerializer) throws(HTTPSerializer.Failure) {
        try writeRequestLine(head, bytes, to: &output)
        if let authority = head.authority {
            try output.appendField("Host", bytes.extracting(authority))
        } else {
            try output.appendField("Host", local?.description ?? "localhost")
        }
        let listed = HopByHop.listed(in: head, bytes)
        var earlierHops = false
        var takesTrailers = false
        var fields = FieldIterator(head.fields)
        while let (name, value) = fields.next(in: bytes) {
            if bytes.matches("te", in: name), Self.listsTrailers(bytes.string(in: value)) {
                takesTrailers = head.version == .http2 || listed.contains { bytes.matches("te", in: $0) }
            }
            if HopByHop.contains(name, in: bytes) || Self.isReplaced(name, in: bytes) { continue }
            if let identity, identity.replaces(name, in: bytes) { continue }
            if bytes.matches("x-forwarded-for", in: name) {
                earlierHops = true
                continue
            }
            if !listed.isEmpty, listed.contains(where: { bytes.isSameName($0, name) }) { continue }
            try output.appendField(name: bytes.extracting(name), value: bytes.extracting(value))
        }
        try writeForwardedFor(head, bytes, earlierHops: earlierHops, to: &output)
        try output.appendField("X-Forwarded-Proto", isEncrypted ? "https" : "http")
        if let authority = head.authority {
            try output.appendField("X-Forwarded-Host", bytes.extracting(authority))
        }
        try output.appendField("Via", "\(head.version.number) igropyr")
        if let identity { try identity.write(to: &output) }
        if let upgrade {
            try output.appendField("Connection", "Upgrade")
            try output.appendField("Upgrade", upgrade.names)
            if let key = upgrade.key { try output.appendField("Sec-WebSocket-Key", key) }
        } else if takesTrailers {
            try output.appendField("Connection", "TE")
            try output.appendField("TE", "trailers")
        }
    }

    /// Whether a client's `TE` says that it takes trailers, which are passed on to it (RFC 9110 §10.1.4). In HTTP/1.1 that
    /// counts only if `Connection` lists it, too: else it may be another client's, passed on by a careless proxy.
    private static func listsTrailers(_ list: String) -> Bool {
        list.split(separator: ",").contains { element in
            element.lowercased().split { $0 == " " || $0 == "\t" } == ["trailers"]
        }
    }

    /// In origin form, as servers want it (RFC 9112 §3.2.1), whatever the client's form.
    private func writeRequestLine(
        _ head: MessageHead, _ bytes: RawSpan, to output: inout HTTPSerializer
    ) throws(HTTPSerializer.Failure) {
        let connect = "GET".utf8.span  // What an extended CONNECT is in HTTP/1.1.
        let method = head.method == .connect ? unsafe connect.bytes : bytes.extracting(head.methodName)
        let end = head.query?.upperBound ?? head.path.upperBound
        guard head.path.isEmpty else {
            return try output.beginRequest(method: method, target: bytes.extracting(head.path.lowerBound..<end))
        }
        var target = "/"
        if head.method == .options, head.query == nil { target = "*" }
        if let query = head.query { target += "?" + bytes.string(in: query) }
        let text = target.utf8.span
        try output.beginRequest(method: method, target: unsafe text.bytes)
    }

    private static func isReplaced(_ name: Range<Int>, in bytes: RawSpan) -> Bool {
        switch name.count {
        case 4: bytes.matches("host", in: name)
        case 16: bytes.matches("x-forwarded-host", in: name)
        case 17: bytes.matches("x-forwarded-proto", in: name)
        default: false
        }
    }

    /// One field with all hops: many applications read the first field of that name only.
    private func writeForwardedFor(
        _ head: MessageHead, _ bytes: RawSpan, earlierHops: Bool, to output: inout HTTPSerializer
    ) throws(HTTPSerializer.Failure) {
        let client = client?.hostText ?? "unknown"
        guard earlierHops else { return try output.appendField("X-Forwarded-For", client) }
        var hops = ""
        var fields = FieldIterator(head.fields)
        while let (name, value) = fields.next(in: bytes) {
            guard bytes.matches("x-forwarded-for", in: name), !value.isEmpty else { continue }
            hops += bytes.string(in: value) + ", "
        }
        try output.appendField("X-Forwarded-For", hops + client)
    }
}
