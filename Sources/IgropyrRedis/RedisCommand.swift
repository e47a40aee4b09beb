/// A command and its arguments, `["SET", "name", "Ada"]`: each goes to the server by its length, so that no value can
/// be taken for another command.
public struct RedisCommand: Equatable, Sendable, ExpressibleByArrayLiteral {
    /// How many parts Redis reads of a command.
    static let partLimit = 1 << 20

    let parts: [[UInt8]]
    /// The first word in capitals; with `CLIENT` and `SCRIPT` the second, too.
    let name: String

    public init(_ parts: [any RedisConvertible]) {
        self.parts = parts.map(\.redisBytes)
        let words = self.parts.prefix(2).lazy.map { String(decoding: $0, as: UTF8.self).uppercased() }
        let first = words.first ?? ""
        name = ["CLIENT", "SCRIPT"].contains(first) ? words.joined(separator: " ") : first
    }

    public init(arrayLiteral parts: any RedisConvertible...) { self.init(parts) }

    func check() throws(RedisError) {
        guard parts.first?.isEmpty == false else { throw .invalidParameter("a command without a name") }
        guard parts.count <= Self.partLimit else {
            throw .invalidParameter("\(name) has more than \(Self.partLimit) parts")
        }
        if let reason = RedisSession.refusal(of: self) { throw .unsupported(reason) }
    }
}
