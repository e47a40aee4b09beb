@testable import Igropyr
@testable import IgropyrBalancer
import IgropyrHTTP

/// Cookies as clients send them, and as handlers set them: the size of a name, a name, then the rest of the field.
enum CookieTarget: FuzzTarget {
    static let name = "cookie"

    static func run(_ input: [UInt8]) {
        var input = Input(input)
        let nameBytes = Int(input.byte() % 32)
        let rest = input.rest
        let name = String(decoding: rest.prefix(nameBytes), as: UTF8.self)
        let text = String(decoding: rest.dropFirst(nameBytes), as: UTF8.self)
        checkReading(text)
        checkSetting(name, text)
    }

    private static func checkReading(_ text: String) {
        let cookies = Request.Cookies([text])
        require(cookies.names.count <= 1000)
        for name in cookies.names {
            require(!name.isEmpty && !name.utf8.contains { ";=".utf8.contains($0) })
            guard let value = cookies[name] else { fatalError("a name without its value") }
            require(!value.utf8.contains(UInt8(ascii: ";")))
            require(Request.Cookies(["\(name)=\"\(value)\""])[name] == value, "quotes make another value")
        }
        // A browser may send several fields' cookies in one (RFC 9113 §8.2.3).
        let parts = text.utf8.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false)
            .map { String(Substring($0)) }
        require(Request.Cookies(parts).names == cookies.names)
    }

    /// What may be set comes back, from the library and from the balancer, however other cookies surround it.
    private static func checkSetting(_ name: String, _ value: String) {
        guard var cookie = try? Cookie(name, value) else { return }
        require(Request.Cookies(["\(name)=\(value)"])[name] == value, "a cookie comes back as another one")
        require(balancersValue(of: name, in: "\(name)=\(value)") == value, "the balancer reads another value")
        require(balancersValue(of: name, in: "\(name)x=1; \(name)=\(value); \(name)=2") == value)
        for attribute in [value, name] {
            cookie.path = attribute
            cookie.domain = attribute
            guard let field = try? cookie.fieldValue() else { continue }
            require(field.utf8.allSatisfy { (0x20...0x7E).contains($0) }, "a field goes on")
            let attributes = field.split(separator: ";", omittingEmptySubsequences: false)
            require(attributes.count == 5 && attributes[0] == "\(name)=\(value)", "a value has become an attribute")
        }
    }

    private static func balancersValue(of name: String, in field: String) -> String? {
        let wire = Array("GET / HTTP/1.1\r\nHost: a\r\nCookie: \(field)\r\n\r\n".utf8)
        var parser = HTTPParser.requests()
        guard case .head? = try? parser.next(in: wire.span.bytes) else {
            fatalError("a cookie breaks the head: \(field)")
        }
        return parser.head.cookie(name, in: wire.span.bytes).map { wire.span.bytes.string(in: $0) }
    }
}
