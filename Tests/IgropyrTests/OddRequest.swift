import Foundation

/// A row of the tables in docs/differential.md.
struct OddRequest: Sendable {
    let name: String
    let bytes: [UInt8]
    /// The status codes that a server answers it and what follows with, by the head of its column.
    let verdicts: [String: String]
    /// Why verdicts differ; empty if they do not.
    let reason: String

    static func all() throws -> [OddRequest] {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let file = folder.deletingLastPathComponent().appendingPathComponent("docs/differential.md")
        var columns: [String] = []
        return try String(contentsOf: file, encoding: .utf8).split(separator: "\n").compactMap { line in
            guard line.hasPrefix("| ") else { return nil }
            let cells = line.dropFirst().dropLast().split(separator: "|", omittingEmptySubsequences: false)
                .map { $0.trimmingCharacters(in: .whitespaces) }
            guard cells[0] != "request" else {
                columns = cells
                return nil
            }
            return OddRequest(cells, columns)
        }
    }

    private init(_ cells: [String], _ columns: [String]) {
        name = cells[0]
        // Only the back quotes are taken off: spaces at the ends count.
        bytes = Self.unescaped(cells[1].dropFirst().dropLast())
        let last = columns.count - 1
        verdicts = Dictionary(uniqueKeysWithValues: zip(columns[2..<last], cells[2..<last]))
        reason = cells[last]
    }

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
