import IgropyrText
import Testing

@Suite struct `Hexadecimal digits` {
    @Test func `are two for each byte, and all that a number has room for`() {
        #expect(Hexadecimal.text([0, 9, 10, 0xAB, 0xFF] as [UInt8]) == "00090aabff")
        #expect(Hexadecimal.text([] as [UInt8]).isEmpty)
        #expect(Hexadecimal.text(UInt8(7)) == "07" && Hexadecimal.text(UInt32(0xBEEF)) == "0000beef")
        #expect(Hexadecimal.text(UInt64.max) == String(repeating: "f", count: 16))
        #expect(Hexadecimal.text(UInt128(1) << 124) == "1" + String(repeating: "0", count: 31))
    }

    @Test func `read back, in either case`() {
        let bytes = (0...255).map { UInt8($0) }
        #expect(Hexadecimal.bytes(Hexadecimal.text(bytes).utf8) == bytes)
        #expect(Hexadecimal.bytes("aBcDeF".utf8) == [0xAB, 0xCD, 0xEF])
        #expect(Hexadecimal.bytes("".utf8) == [])
    }

    @Test(arguments: ["0", "000", "0g", "g0", "-1", "+1", " 1", "/:", "@G", "`g", "0x00", "ａａ"])
    func `are nothing else`(text: String) {
        #expect(Hexadecimal.bytes(text.utf8) == nil)
    }
}
