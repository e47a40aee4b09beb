internal import FoundationEssentials

/// Bytes as Base64 (RFC 4648): padded (§4), or for URLs and file names, without padding (§5).
public enum Base64 {
    public static func text(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }

    public static func urlText(_ bytes: [UInt8]) -> String {
        text(bytes).replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    /// What ``urlText(_:)`` was made of. Nil for all that it never is: other characters, padding, a length of no bytes,
    /// bits left over that are not zero.
    public static func bytes(urlText text: String) -> [UInt8]? {
        let padding = String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
        let padded = text.replacing("-", with: "+").replacing("_", with: "/") + padding
        guard let data = Data(base64Encoded: padded) else { return nil }
        let bytes = [UInt8](data)
        return urlText(bytes) == text ? bytes : nil
    }
}
