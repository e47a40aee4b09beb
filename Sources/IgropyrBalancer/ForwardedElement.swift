import IgropyrUV

/// The field `Forwarded` (RFC 7239): a list with an element for each proxy, which says who asked it, for what host and
/// how.
enum ForwardedElement {
    /// The balancer's own, such as `for="[2001:db8::1]";host=example.org;proto=https`.
    static func text(client: SocketAddress?, host: String?, isEncrypted: Bool) -> String {
        var pairs = ["for=\(client.map(node) ?? "unknown")"]
        if let host { pairs.append("host=\(quotedIfNeeded(host))") }
        pairs.append("proto=\(isEncrypted ? "https" : "http")")
        return pairs.joined(separator: ";")
    }

    /// IPv6 stands in brackets and quotation marks (§6).
    private static func node(_ address: SocketAddress) -> String {
        if case .v6 = address.host { "\"[\(address.hostText)]\"" } else { address.hostText }
    }

    private static func quotedIfNeeded(_ text: String) -> String {
        if FieldEdits.isName(text) { return text }
        return "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }

    private enum Place { case outside, behindEquals, value, quoted, escaped, behindQuote }

    /// Whether a value may stand before another element: an open quotation mark would swallow that. Quotation marks
    /// stand around whole values only, so that nobody can read it otherwise.
    static func isList(_ value: Range<Int>, in bytes: RawSpan) -> Bool {
        let text = Span<UInt8>(_bytes: bytes)
        var place = Place.outside
        for offset in value {
            switch (place, text[offset]) {
            case (.quoted, UInt8(ascii: "\\")): place = .escaped
            case (.quoted, UInt8(ascii: "\"")): place = .behindQuote
            case (.quoted, _), (.escaped, _): place = .quoted
            case (_, UInt8(ascii: ",")), (_, UInt8(ascii: ";")): place = .outside
            case (.behindQuote, UInt8(ascii: " ")), (.behindQuote, 0x09): break
            case (.behindQuote, _): return false
            case (.behindEquals, UInt8(ascii: "\"")): place = .quoted
            case (_, UInt8(ascii: "\"")), (_, UInt8(ascii: "\\")): return false
            case (.outside, UInt8(ascii: "=")): place = .behindEquals
            case (.outside, _): break
            case (.behindEquals, _), (.value, _): place = .value
            }
        }
        switch place {
        case .quoted, .escaped: return false
        case .outside, .behindEquals, .value, .behindQuote: return true
        }
    }
}
