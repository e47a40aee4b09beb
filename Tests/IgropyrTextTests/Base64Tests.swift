import IgropyrText
import Testing

@Suite struct `Base64 of bytes` {
    /// RFC 4648 §10.
    private static let vectors = [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ]

    @Test(arguments: vectors) func `is the standard's, for URLs without padding`(plain: String, text: String) {
        #expect(Base64.text(Array(plain.utf8)) == text)
        #expect(Base64.urlText(Array(plain.utf8)) == text.filter { $0 != "=" })
    }

    @Test func `has other characters for URLs, and is read back`() {
        #expect(Base64.text([0xFB, 0xEF, 0xFF]) == "++//" && Base64.urlText([0xFB, 0xEF, 0xFF]) == "--__")
        for count in 0...255 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 167) }
            #expect(Base64.bytes(urlText: Base64.urlText(bytes)) == bytes)
        }
    }

    @Test(arguments: ["Z", "Zm9vY", "Zg==", "Zm8=", "++//", "Zm 9", "Zm9\u{0}", "Zh", "Zm9", "Zmé"])
    func `for URLs is nothing else`(text: String) {
        #expect(Base64.bytes(urlText: text) == nil)
    }
}
