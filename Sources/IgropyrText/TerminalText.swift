/// What others' programs print, for a terminal, which would obey the control characters in it (CVE-2021-25743): they
/// become blanks. Line ends, tabs and colours stay: SGR sequences (ECMA-48 §8.3.117), which change how text looks,
/// never where it is. What is no UTF-8 becomes U+FFFD, as a terminal may take a single byte for a control character,
/// too.
///
/// Takes the bytes as they come, however characters and sequences are cut.
public struct TerminalText: Sendable {
    /// Of a sequence, beyond which it counts as none.
    private static let colourBytes = 64

    /// The beginning of a character or of a colour, until the rest of it comes.
    private var rest: [UInt8] = []
    /// A colour is on, as far as is known.
    private var isColoured = false

    public init() {}

    /// One piece of text by itself: a colour in it ends with it.
    public static func harmless(_ text: String) -> String {
        var terminal = TerminalText()
        return terminal.take(text.utf8) + terminal.finish()
    }

    /// - Returns: All that is certain by now.
    public mutating func take(_ bytes: some Sequence<UInt8>) -> String {
        rest += bytes
        let open = Self.openBytes(rest)
        defer { rest.removeFirst(rest.count - open) }
        return clean(rest.dropLast(open))
    }

    /// What is left, and the end of a colour that was left on.
    public mutating func finish() -> String {
        defer { self = TerminalText() }
        let text = clean(rest[...])
        return isColoured ? text + "\u{1B}[m" : text
    }

    private mutating func clean(_ bytes: ArraySlice<UInt8>) -> String {
        var (clean, left) = (String.UnicodeScalarView(), String(decoding: bytes, as: UTF8.self).unicodeScalars[...])
        while let next = left.first {
            if let colour = Self.colour(left) {
                isColoured = !["\u{1B}[m", "\u{1B}[0m"].contains(String(colour))
                clean += colour
                left = left[colour.endIndex...]
            } else {
                clean.append(next.isControl && next != "\n" && next != "\t" ? " " : next)
                left.removeFirst()
            }
        }
        return String(clean)
    }

    /// The SGR sequence that the text begins with.
    private static func colour(_ text: Substring.UnicodeScalarView) -> Substring.UnicodeScalarView? {
        guard text.first == "\u{1B}", text.dropFirst().first == "[" else { return nil }
        let parameters = text.dropFirst(2).prefix(colourBytes).prefix { isParameter($0.value) }
        guard parameters.endIndex < text.endIndex, text[parameters.endIndex] == "m" else { return nil }
        return text[...parameters.endIndex]
    }

    /// A digit, a colon or a semicolon.
    private static func isParameter(_ character: UInt32) -> Bool { (0x30...0x3B).contains(character) }

    /// How many bytes at the end may be the beginning of a character or of a colour.
    private static func openBytes(_ bytes: [UInt8]) -> Int {
        if let escape = bytes.lastIndex(of: 0x1B), bytes.count - escape <= colourBytes {
            let begun = bytes[(escape + 1)...]
            let isOpen =
                begun.isEmpty
                || begun.first == UInt8(ascii: "[") && begun.dropFirst().allSatisfy { isParameter(UInt32($0)) }
            if isOpen { return bytes.count - escape }
        }
        guard let lead = bytes.suffix(3).lastIndex(where: { $0 >= 0xC0 }) else { return 0 }
        let wanted = bytes[lead] >= 0xF0 ? 4 : bytes[lead] >= 0xE0 ? 3 : 2
        let present = bytes.count - lead
        return present < wanted && bytes[(lead + 1)...].allSatisfy { $0 & 0xC0 == 0x80 } ? present : 0
    }
}

extension Unicode.Scalar {
    /// C0, DEL or C1 (Unicode's category Cc).
    public var isControl: Bool { value < 0x20 || (0x7F...0x9F).contains(value) }
}
