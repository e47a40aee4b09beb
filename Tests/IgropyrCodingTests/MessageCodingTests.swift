import IgropyrCoding
import Testing

/// Messages of WebSockets, compressed each by itself (RFC 7692 §7.2).
@Suite struct MessageCodingTests {
    private static func expand(_ bytes: [UInt8], _ limit: Int = 1 << 20) throws -> [UInt8] {
        try MessageInflater().expand(bytes.span.bytes, limitBytes: limit)
    }

    @Test func `the examples of RFC 7692 §7.2.3 are expanded`() throws {
        let hello = Array("Hello".utf8)
        #expect(try Self.expand([0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]) == hello)
        #expect(try Self.expand([0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00]) == hello)
        // A block with the final bit (§7.2.3.4), and two blocks in one message (§7.2.3.5).
        #expect(try Self.expand([0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00]) == hello)
        #expect(
            try Self.expand([0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00]) == hello)
    }

    @Test(arguments: [9, 12, 15]) func `messages come back, one after the other`(windowBits: Int) throws {
        let deflater = try MessageDeflater(windowBits: windowBits)
        let inflater = try MessageInflater()
        let long = (0..<40_000).map { "\($0 * 7919 % 10_007) " }.joined()
        for text in ["", "a", String(repeating: "ab", count: 5_000), long, "Hello", "Hello"] {
            let bytes = Array(text.utf8)
            let compressed = deflater.compress(bytes.span.bytes)
            #expect(try inflater.expand(compressed.span.bytes, limitBytes: bytes.count) == bytes)
        }
        let text = [UInt8](repeating: 0x61, count: 10_000)
        let first = deflater.compress(text.span.bytes)
        #expect(first.count < 100)
        #expect(deflater.compress(text.span.bytes) == first, "nothing of a message is left for the next")
    }

    @Test func `a message that grows beyond the limit is stopped there`() throws {
        let bomb = try MessageDeflater(windowBits: 15).compress([UInt8](repeating: 0, count: 10 << 20).span.bytes)
        #expect(throws: MessageInflater.Failure.tooLarge) { try Self.expand(bomb, 1 << 20) }
        #expect(throws: MessageInflater.Failure.tooLarge) {
            try Self.expand([0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00], 4)
        }
    }

    @Test func `what is no deflate is refused, and the next message is none the worse`() throws {
        let inflater = try MessageInflater()
        for bytes in [[0x07], [0xf2, 0x48, 0xcd], [0xff, 0xff, 0xff, 0xff], [0x01, 0x05, 0x00, 0x00, 0x00]] as [[UInt8]]
        {
            #expect(throws: MessageInflater.Failure.malformed) {
                try inflater.expand(bytes.span.bytes, limitBytes: 1000)
            }
        }
        let hello: [UInt8] = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]
        #expect(try inflater.expand(hello.span.bytes, limitBytes: 1000) == Array("Hello".utf8))
    }
}
