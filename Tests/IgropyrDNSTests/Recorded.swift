/// What a real `serf agent -discover=shop` (0.9.4) named `agent` at 10.99.0.3 sent.
enum Recorded {
    /// To 10.99.0.1:5353, which had asked the group; compressed.
    static let answer = bytes(
        "0000840000000004000000000a5f736572665f73686f70045f746370056c6f63616c00000c0001000000780008056167656e74c00cc02d"
            + "0021000100000078000a000a00011f0a02766d00c047000100010000007800040a630003c02d00100001000000780014135365726620"
            + "2773686f702720636c7573746572")
    /// To the group, from a port of its own.
    static let question = bytes("1df3000000010000000000000a5f736572665f73686f70045f746370056c6f63616c00000c0001")

    private static func bytes(_ hex: String) -> [UInt8] {
        let digits = hex.compactMap(\.hexDigitValue)
        return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }
}
