import Testing

@testable import IgropyrGossip

@Suite struct MessagePackTests {
    private static let broken: [(hex: String, error: WireError)] = [
        ("", .truncated(missing: 1)),
        ("81a1", .truncated(missing: 1)),
        ("ddffffffff", .truncated(missing: 0xFFFF_FFFF)),
        ("dfffffffff", .truncated(missing: 0x1_FFFF_FFFE)),
        ("81a178ddffffffff", .truncated(missing: 0xFFFF_FFFF)),
        ("81a178dbffffffff", .truncated(missing: 0xFFFF_FFFF)),
        ("81a178c9ffffffff", .truncated(missing: 0x1_0000_0000)),
        ("81a178" + String(repeating: "91", count: 9) + "c0", .tooDeep),
        ("81a178" + String(repeating: "91", count: 100_000), .tooDeep),
        ("81a178c1", .unexpectedType(0xC1)),
        ("81a55365714e6fff", .outOfRange),
        ("81a55365714e6fd0ff", .outOfRange),
        ("81a55365714e6fcf0000000100000000", .outOfRange),
        ("81a55365714e6fc3", .unexpectedType(0xC3)),
        ("81a55365714e6fa0", .unexpectedType(0xA0)),
        ("a0", .unexpectedType(0xA0)),
    ]

    @Test(arguments: broken) func `broken values are refused before anything is reserved`(hex: String, error: WireError)
    {
        var reader = MessagePackReader([UInt8](hex: hex))
        #expect(throws: error) { try Nack(from: &reader) }
    }

    private static let readable: [(hex: String, sequence: UInt32)] = [
        ("80", 0), ("c0", 0), ("81a55365714e6fc0", 0), ("81a55365714e6fcd0102", 258), ("81a55365714e6fd1007f", 127),
        ("81a178" + String(repeating: "91", count: 8) + "c0", 0), ("9105", 5), ("920501", 5), ("82a178c70101ff", 0),
    ]

    @Test(arguments: readable.dropLast()) func `lenient where the reference is`(hex: String, sequence: UInt32) throws {
        var reader = MessagePackReader([UInt8](hex: hex))
        #expect(try Nack(from: &reader).sequence == sequence)
    }

    private static let names: [(bytes: [UInt8], isName: Bool)] = [
        (Array("web-1.example".utf8), true), (Array("büro".utf8), true), ([], true),
        ([UInt8](repeating: 65, count: 255), true), ([UInt8](repeating: 65, count: 256), false), ([0x1B, 0x5B], false),
        ([0xFF], false), ([0x7F], false),
    ]

    @Test(arguments: names) func `names are text that a terminal can show`(bytes: [UInt8], isName: Bool) {
        #expect((MemberName.check(bytes[...]) != nil) == isName)
    }

    private static let numbers: [(number: UInt64, hex: String)] = [
        (0, "00"), (127, "7f"), (128, "cc80"), (255, "ccff"), (256, "cd0100"), (65_536, "ce00010000"),
        (1 << 32, "cf0000000100000000"),
    ]

    @Test(arguments: numbers) func `integers are written as short as possible`(number: UInt64, hex: String) {
        var writer = MessagePackWriter()
        writer.write(number)
        #expect(writer.bytes == [UInt8](hex: hex))
    }

    private static let addresses: [(bytes: String, text: String)] = [
        ("7f000101", "127.0.1.1:1"), ("00000000000000000000000000000001", "[::1]:1"),
        ("00000000000000000000ffff0a000001", "10.0.0.1:1"), ("000000000000000000000000ffff0001", "[::ffff:1]:1"),
        ("20010db8000000000001000000000001", "[2001:db8::1:0:0:1]:1"),
        ("fd000000000000000000000000000000", "[fd00::]:1"),
        ("00010002000300040005000600070008", "[1:2:3:4:5:6:7:8]:1"),
        ("00010000000300040005000600070008", "[1:0:3:4:5:6:7:8]:1"),
    ]

    @Test(arguments: addresses) func `addresses are shown as usual`(bytes: String, text: String) throws {
        let address = try #require(MemberAddress(bytes: [UInt8](hex: bytes), port: 1))
        #expect(address.description == text)
        #expect(address.bytes == [UInt8](hex: bytes))
    }

    @Test func `a bomb in a bomb stays within the budget of one packet`() {
        var bomb = [UInt8](repeating: 0, count: 200_000)
        bomb = Compression.compress(bomb)
        let packet = Packet.decode(Packet.compound([[UInt8]](repeating: bomb, count: 60)))
        #expect(packet.messages.count <= 1 && packet.errors.contains(.tooLarge))
        let many = Packet.compound([[UInt8]](repeating: Nack(sequence: 1).encoded, count: 255))
        #expect(Packet.decode(Packet.compound([[UInt8]](repeating: many, count: 10))).messages.count == 1_024)
        let small = Compression.compress(Nack(sequence: 1).encoded)
        #expect(Packet.decode(Packet.compound([[UInt8]](repeating: small, count: 200))).messages.count == 8)
        var nested = Nack(sequence: 1).encoded
        for _ in 0..<40 { nested = Packet.compound([nested]) }
        #expect(Packet.decode(nested).errors == [.tooDeep])
    }

    @Test func `a stream that announces more than the limit is refused at its head`() throws {
        let envelope = Envelope(keyring: try #require(Keyring([[UInt8](repeating: 1, count: 16)])), label: [])
        var sealed = StreamReader(envelope: envelope, role: .responder, limitBytes: 1_000)
        #expect(throws: WireError.tooLarge) { try sealed.read([UInt8](hex: "0a000003e9")) }
        let open = Envelope(keyring: try #require(Keyring([])), label: [])
        for hex in ["0982a3427566dbffffffff", "0681a54e6f646573ce000fffff", "0881aa557365724d73674c656ece7fffffff"] {
            var plain = StreamReader(envelope: open, role: .responder, limitBytes: 1_000)
            #expect(throws: WireError.self) { try plain.read([UInt8](hex: hex)) }
        }
    }
}
