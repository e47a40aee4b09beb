/// A request as a server has taken it: what servers of all kinds can tell of it.
public struct SeenRequest: Hashable, Sendable, CustomStringConvertible {
    /// The fields that are looked at: nginx tells only what it was asked for by name.
    public static let names = [
        "host", "x", "x-y", "cookie", "connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade",
        "transfer-encoding", "content-length", "expect", "proxy-authorization", "forwarded", "x-forwarded-for",
        "x-forwarded-proto", "x-forwarded-host", "via",
    ]

    public var method: String
    public var target: String
    /// By their names in lower case; several of one name as a list.
    public var fields: [String: String]
    public var body: String

    public init(method: String, target: String, fields: [String: String], body: String) {
        self.method = method
        self.target = target
        self.fields = fields
        self.body = body
    }

    /// From what ``RivalServer`` writes: method, target, the fields of ``names`` and the body, parted by ``separator``.
    /// Each byte is a character. Nil for what was answered with an error.
    init?(_ record: [UInt8]) {
        var parts = record.split(separator: Self.separator, omittingEmptySubsequences: false)
            .map { String(String.UnicodeScalarView($0.map { Unicode.Scalar($0) })) }[...]
        guard parts.count == Self.names.count + 4, parts.removeFirst() == "200" else { return nil }
        (method, target) = (parts.removeFirst(), parts.removeFirst())
        body = parts.removeLast()
        fields = [:]
        for (name, value) in zip(Self.names, parts) where !value.isEmpty { fields[name] = value }
    }

    static let separator: UInt8 = 0x1F
    static let recordSeparator: UInt8 = 0x1E

    /// Such as `POST /a x: y (abc)`, without the fields that every request through the balancer has.
    public var description: String {
        let usual = ["host": "a", "x-forwarded-for": "127.0.0.1", "x-forwarded-proto": "http", "via": "1.1 igropyr"]
        let rest = Self.names.filter { name in
            fields[name] != nil && fields[name] != usual[name]
                && (name != "x-forwarded-host" || fields[name] != fields["host"])
        }
        let words =
            [method, target] + rest.map { "\($0): \(Self.short(fields[$0] ?? ""))" }
            + (body.isEmpty ? [] : ["(\(body))"])
        return words.joined(separator: " ").replacing("\r\n", with: #"\r\n"#)
            .replacing("\0", with: "\\x00")
    }

    /// Many times the same character as docs/differential.md writes it.
    private static func short(_ value: String) -> String {
        value.count > 100 && Set(value).count == 1 ? "{\(value.prefix(1))*\(value.count)}" : value
    }
}
