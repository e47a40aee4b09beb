import Foundation

/// What events, queries and answers carry.
enum Payload {
    /// `-` stands for standard input.
    static func read(_ argument: String?) throws -> Data {
        guard argument == "-" else { return Data((argument ?? "").utf8) }
        return try FileHandle.standardInput.read(upToCount: 64 << 10) ?? Data()
    }

    /// As a person can read it on one line: what is no text, as a count of bytes.
    static func text(_ payload: Data) -> String {
        String(data: payload, encoding: .utf8)?.plain ?? "(\(payload.count.counting("byte")))"
    }
}
