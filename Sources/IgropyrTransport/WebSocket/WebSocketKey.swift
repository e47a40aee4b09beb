internal import Crypto
internal import IgropyrText

/// How the two ends of a handshake know that each means WebSocket (RFC 6455 §4.2.2).
public enum WebSocketKey {
    /// What a client sends: 16 random bytes.
    public static func make() -> String {
        var random = SystemRandomNumberGenerator()
        return Base64.text((0..<16).map { _ in UInt8.random(in: .min ... .max, using: &random) })
    }

    /// Whether it is 16 bytes in base64.
    static func isValid(_ key: String) -> Bool {
        let bytes = Array(key.utf8)
        return bytes.count == 24 && bytes.hasSuffix(of: "==")
            && bytes.dropLast(2).allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"):
                    true
                default: false
                }
            }
    }

    /// What the server answers.
    public static func answer(to key: String) -> String {
        Base64.text(Array(Insecure.SHA1.hash(data: Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8))))
    }
}

extension [UInt8] {
    fileprivate func hasSuffix(of text: String) -> Bool { suffix(text.utf8.count).elementsEqual(text.utf8) }
}
