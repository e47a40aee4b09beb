/// A command and its arguments, `["SET", "name", "Ada"]`: each goes to the server by its length, so that no value can
/// be taken for another command.
public struct RedisCommand: Equatable, Sendable, ExpressibleByArrayLiteral {
    /// How many parts Redis reads of a command.
    static let partLimit = 1 << 20

    let parts: [[UInt8]]

    public init(_ parts: [any RedisConvertible]) { self.parts = parts.map(\.redisBytes) }

    public init(arrayLiteral parts: any RedisConvertible...) { self.init(parts) }

    /// The first word in capitals; with `CLIENT` and `SCRIPT` the second, too.
    var name: String {
        let words = parts.prefix(2).map { String(decoding: $0, as: UTF8.self).uppercased() }
        return ["CLIENT", "SCRIPT"].contains(words.first) ? words.joined(separator: " ") : words.first ?? ""
    }

    func check() throws(RedisError) {
        guard parts.first?.isEmpty == false else { throw .invalidParameter("a command without a name") }
        guard parts.count <= Self.partLimit else {
            throw .invalidParameter("\(name) has more than \(Self.partLimit) parts")
        }
        if let reason = RedisSession.refusal(of: self) { throw .unsupported(reason) }
    }
}
