/// A row of the tables in docs/differential.md.
public struct OddRequest: Sendable {
    public let name: String
    public let bytes: [UInt8]
    /// The status codes that a server answers it and what follows with, by the head of its column.
    public let verdicts: [String: String]
    /// Why verdicts differ; empty if they do not.
    public let reason: String

    public static func all() throws -> [OddRequest] {
        try DocumentTable.rows(of: "docs/differential.md", headed: "request").map(OddRequest.init)
    }

    private init(_ row: [String: String]) {
        name = row["request"] ?? ""
        bytes = Self.bytes(ofCell: row["bytes"] ?? "")
        verdicts = row.filter { !["request", "bytes", "why"].contains($0.key) }
        reason = row["why"] ?? ""
    }

    /// What stands between the back quotes, of which spaces at the ends are a part.
    public static func bytes(ofCell cell: String) -> [UInt8] { unescaped(cell.dropFirst().dropLast()) }

    private static func unescaped(_ text: Substring) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = text
        while let character = rest.popFirst() {
            switch character {
            case "{":
                let parts = rest.prefix { $0 != "}" }.split(separator: "*")
                rest = rest.drop { $0 != "}" }.dropFirst()
                bytes += repeatElement(unescaped(parts[0]), count: Int(parts[1]) ?? 0).joined()
            case "\\": bytes.append(escaped(&rest))
            default: bytes += character.utf8
            }
        }
        return bytes
    }

    /// Takes what stands behind a backslash.
    private static func escaped(_ rest: inout Substring) -> UInt8 {
        switch rest.popFirst() {
        case "r": return 0x0D
        case "n": return 0x0A
        case "t": return 0x09
        default:
            defer { rest = rest.dropFirst(2) }
            return UInt8(rest.prefix(2), radix: 16) ?? 0
        }
    }
}
