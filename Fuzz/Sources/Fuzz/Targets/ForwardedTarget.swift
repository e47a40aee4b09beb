@testable import IgropyrBalancer
import IgropyrHTTP
import IgropyrUV

/// What proxies in front say of a client, and tracers of a request: field lines.
enum ForwardedTarget: FuzzTarget {
    static let name = "forwarded"
    private static let own = ForwardedElement.text(
        client: SocketAddress("2001:db8::1", port: 1), host: "a:80", isEncrypted: true)

    static func run(_ input: [UInt8]) {
        let wire = Array("GET / HTTP/1.1\r\nHost: a\r\n".utf8) + input + Array("\r\n\r\n".utf8)
        var parser = HTTPParser.requests()
        guard case .head? = try? parser.next(in: wire.span.bytes) else { return }
        let head = parser.head
        checkClient(head, wire)
        head.forEachField(in: wire.span.bytes) { _, value in
            checkTrace(Array(wire[value]))
            checkAddress(String(decoding: wire[value], as: UTF8.self))
            if ForwardedElement.isList(value, in: wire.span.bytes) { checkList(Array(wire[value])) }
        }
    }

    private static func checkClient(_ head: MessageHead, _ wire: [UInt8]) {
        var policy = ForwardedPolicy()
        policy.trusted = [IPNetwork("127.0.0.0/8"), IPNetwork("::1")].compactMap(\.self)
        let stranger = SocketAddress(host: .v4(192, 0, 2, 1), port: 1)
        require(policy.client(of: head, wire.span.bytes, peer: stranger) == stranger, "a stranger is believed")
        require(policy.client(of: head, wire.span.bytes, peer: nil) == nil)
        let proxy = SocketAddress.loopback(port: 1)
        guard let client = policy.client(of: head, wire.span.bytes, peer: proxy) else {
            fatalError("nobody asks")
        }
        var told: [UInt8] = []
        head.forEachField(in: wire.span.bytes) { name, value in
            guard wire.span.bytes.matches("x-forwarded-for", in: name) else { return }
            told += Array(",".utf8) + wire[value]
        }
        // The last that is no proxy's; whatever stands before it counts for nothing.
        let hops = told.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).map { hop in
            let words = hop.filter { $0 != 0x20 && $0 != 0x09 }
            return SocketAddress(parsing: String(decoding: words, as: UTF8.self), defaultPort: 0)
        }
        let known = hops.reversed().prefix { $0 != nil }.compactMap(\.self)
        let expected = known.first { !policy.trusts($0) } ?? known.last ?? proxy
        require(client == expected, "another is taken for the client")
    }

    private static func checkTrace(_ value: [UInt8]) {
        guard let trace = TraceContext(value.span) else { return }
        let written = Array(trace.fieldValue.utf8)
        require(TraceContext(written.span) == trace, "a trace that was written again is another one")
    }

    private static func checkAddress(_ text: String) {
        guard let address = SocketAddress(parsing: text, defaultPort: 0), address.zone == 0 else { return }
        require(SocketAddress(parsing: address.description, defaultPort: 1) == address)
    }

    /// An element behind the list is the last one of the new list, whole.
    private static func checkList(_ value: [UInt8]) {
        let both = value + Array(", \(own)".utf8)
        require(ForwardedElement.isList(0..<both.count, in: both.span.bytes), "a list with one element more is none")
        var (isQuoted, isEscaped, start) = (false, false, 0)
        for (index, byte) in both.enumerated() {
            switch byte {
            case _ where isEscaped: isEscaped = false
            case UInt8(ascii: "\\") where isQuoted: isEscaped = true
            case UInt8(ascii: "\""): isQuoted.toggle()
            case UInt8(ascii: ",") where !isQuoted: start = index + 1
            default: break
            }
        }
        require(!isQuoted && both[start...].elementsEqual(" \(own)".utf8), "a client has swallowed an element")
    }
}
