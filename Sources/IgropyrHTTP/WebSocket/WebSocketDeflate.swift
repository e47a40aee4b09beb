/// What two ends agree on about the compression of messages (RFC 7692, `permessage-deflate`).
///
/// Each message is compressed by itself: no end keeps a window between messages, some 300 KiB for each connection, at
/// the price of a somewhat worse ratio for many small messages alike.
public struct WebSocketDeflate: Sendable, Hashable {
    /// The base-2 logarithm of the window that this end may use: 9 to 15.
    public let windowBits: Int

    /// What a client asks for.
    public static let offer = "permessage-deflate; client_no_context_takeover; server_no_context_takeover"

    /// Reads a server's answer to ``offer``; the client may use the largest window then.
    /// - Returns: nil if it is no answer to that.
    public init?(answer: String) {
        guard let parameters = Parameters(answer[...]), parameters.serverNoContextTakeover,
            parameters.clientWindowBits == nil
        else { return nil }
        windowBits = 15
    }

    private init(windowBits: Int) { self.windowBits = windowBits }

    /// Chooses the first of a client's offers that a server can take; nil if there is none.
    /// - Returns: also the value of `Sec-WebSocket-Extensions` that says so.
    public static func accept(_ offers: [String]) -> (agreed: WebSocketDeflate, answer: String)? {
        for offer in offers.flatMap({ $0.split(separator: ",") }) {
            guard let parameters = Parameters(offer) else { continue }
            // zlib has no window of 2⁸ bytes.
            guard parameters.serverWindowBits.map({ $0 >= 9 }) ?? true else { continue }
            var answer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
            if let bits = parameters.serverWindowBits { answer += "; server_max_window_bits=\(bits)" }
            return (WebSocketDeflate(windowBits: parameters.serverWindowBits ?? 15), answer)
        }
        return nil
    }

    /// The parameters of RFC 7692 §7.1, each once at most, and no others.
    private struct Parameters {
        var serverNoContextTakeover = false
        var clientNoContextTakeover = false
        var serverWindowBits: Int?
        /// Where the name may stand without a value: 0.
        var clientWindowBits: Int?

        init?(_ text: Substring) {
            var parts = text.split(separator: ";", omittingEmptySubsequences: false).map { Self.trim($0) }[...]
            guard parts.popFirst() == "permessage-deflate" else { return nil }
            for part in parts { guard take(part) else { return nil } }
        }

        private mutating func take(_ part: String) -> Bool {
            let halves = part[...].split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map {
                Self.trim($0)
            }
            let value: String? = halves.count == 2 ? halves[1] : nil
            switch halves[0] {
            case "server_no_context_takeover": return set(\.serverNoContextTakeover, value)
            case "client_no_context_takeover": return set(\.clientNoContextTakeover, value)
            case "server_max_window_bits":
                guard let value else { return false }
                return set(\.serverWindowBits, value)
            case "client_max_window_bits": return set(\.clientWindowBits, value)
            default: return false
            }
        }

        private mutating func set(_ flag: WritableKeyPath<Self, Bool>, _ value: String?) -> Bool {
            guard !self[keyPath: flag], value == nil else { return false }
            self[keyPath: flag] = true
            return true
        }

        private mutating func set(_ bits: WritableKeyPath<Self, Int?>, _ value: String?) -> Bool {
            guard self[keyPath: bits] == nil else { return false }
            guard var digits = value.map({ $0[...] }) else {
                self[keyPath: bits] = 0
                return true
            }
            if digits.count >= 2, digits.first == "\"", digits.last == "\"" { digits = digits.dropFirst().dropLast() }
            guard let number = Self.windows[String(digits)] else { return false }
            self[keyPath: bits] = number
            return true
        }

        private static let windows = Dictionary(uniqueKeysWithValues: (8...15).map { ("\($0)", $0) })

        private static func trim(_ text: Substring) -> String {
            var text = text
            while text.first == " " || text.first == "\t" { text = text.dropFirst() }
            while text.last == " " || text.last == "\t" { text = text.dropLast() }
            return String(text)
        }
    }
}
