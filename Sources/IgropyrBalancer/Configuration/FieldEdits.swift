import IgropyrHTTP
import IgropyrOrchestration

/// What is changed in a message's fields on its way: first fields are removed, then set, then added.
public struct FieldEdits: Sendable, Hashable {
    public struct Field: Sendable, Hashable {
        /// A token, of any case.
        public var name: String
        /// Visible ASCII, blanks and tabs, no blank at its ends.
        public var value: String
    }

    /// Names of fields to drop.
    public var remove: [String] = []
    /// Each in place of all fields of its name.
    public var set: [Field] = []
    /// Each besides the fields of its name.
    public var add: [Field] = []

    public init() {}

    public var isEmpty: Bool { remove.isEmpty && set.isEmpty && add.isEmpty }

    /// What a message gets.
    var added: [Field] { self.set + add }

    /// Whether a field of that name that a message has is removed or replaced: one that only passes for it, too
    /// (``RawSpan/passesFor(_:in:)``), or a client could say what the worker is to hear from the balancer.
    func drops(_ name: Range<Int>, in bytes: RawSpan) -> Bool {
        remove.contains { bytes.passesFor($0, in: name) } || set.contains { bytes.passesFor($0.name, in: name) }
    }

    /// These edits, then the others.
    func followed(by other: FieldEdits) -> FieldEdits {
        var edits = self
        let names = Set((other.remove + other.set.map(\.name)).map { $0.lowercased() })
        edits.set.removeAll { names.contains($0.name.lowercased()) }
        edits.add.removeAll { names.contains($0.name.lowercased()) }
        edits.remove += other.remove
        edits.set += other.set
        edits.add += other.add
        return edits
    }

    static func isName(_ text: String) -> Bool { HeaderCondition.isName(text) }

    /// Fields that belong to a connection or to framing, and `Host`, which routing has read: nobody may edit these.
    static func isReserved(_ name: String) -> Bool {
        [
            "connection", "content-length", "host", "keep-alive", "proxy-connection", "te", "trailer",
            "transfer-encoding", "upgrade",
        ].contains(name.lowercased())
    }

    static func isValue(_ text: String) -> Bool {
        text.utf8.count <= 4096 && text.utf8.allSatisfy { ($0 >= 0x20 && $0 < 0x7F) || $0 == 0x09 }
            && text.utf8.first.map { $0 > 0x20 } ?? true && text.utf8.last.map { $0 > 0x20 } ?? true
    }
}
