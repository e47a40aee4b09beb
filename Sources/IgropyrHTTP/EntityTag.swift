/// An entity tag (RFC 9110 §8.8.3): names one version of a representation. A weak one names versions of which any will
/// do for the other; a strong one changes with the first bit.
public struct EntityTag: Sendable, Hashable, CustomStringConvertible {
    /// What stands between the quotation marks.
    public let opaque: String
    public let isWeak: Bool

    /// What may not stand in a tag (white space, quotation marks, control characters), and `%`, is written as `%XX`.
    public init(_ name: some StringProtocol, isWeak: Bool = false) {
        opaque = name.utf8.allSatisfy(Self.standsForItself) ? String(name) : Self.escaped(name.utf8)
        self.isWeak = isWeak
    }

    /// Reads `"x"` or `W/"x"`; nil for anything else.
    public init?(parsing text: String) {
        var rest = Substring(text)
        guard let tag = Self.take(from: &rest), rest.isEmpty else { return nil }
        self = tag
    }

    private init(checked opaque: Substring, isWeak: Bool) {
        self.opaque = String(opaque)
        self.isWeak = isWeak
    }

    /// As it stands in a field.
    public var description: String { isWeak ? "W/\"\(opaque)\"" : "\"\(opaque)\"" }

    /// The same as a weak tag.
    public var weakened: EntityTag { EntityTag(checked: opaque[...], isWeak: true) }

    /// Whether both stand for the very same bytes: neither is weak (RFC 9110 §8.8.3.2).
    public func matchesStrongly(_ other: EntityTag) -> Bool { !isWeak && self == other }

    /// Whether one will do for the other.
    public func matchesWeakly(_ other: EntityTag) -> Bool { opaque == other.opaque }

    /// Takes a tag from the front; nil, and nothing taken, if none stands there.
    static func take(from text: inout Substring) -> EntityTag? {
        let isWeak = text.hasPrefix("W/")
        let quoted = isWeak ? text.dropFirst(2) : text
        guard quoted.utf8.first == UInt8(ascii: "\"") else { return nil }
        let opaque = quoted.utf8.dropFirst().prefix(while: Self.mayStand)
        guard opaque.endIndex < text.endIndex, text.utf8[opaque.endIndex] == UInt8(ascii: "\"") else { return nil }
        text = text[text.utf8.index(after: opaque.endIndex)...]
        return EntityTag(checked: Substring(opaque), isWeak: isWeak)
    }

    /// `etagc`: visible ASCII but for the quotation mark, and bytes outside ASCII.
    private static func mayStand(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte != 0x7F && byte != UInt8(ascii: "\"")
    }

    private static func standsForItself(_ byte: UInt8) -> Bool { mayStand(byte) && byte < 0x7F && byte != 0x25 }

    private static func escaped(_ bytes: some Sequence<UInt8>) -> String {
        var text: [UInt8] = []
        for byte in bytes {
            if standsForItself(byte) { text.append(byte) } else { PercentEncoding.append(escaped: byte, to: &text) }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
