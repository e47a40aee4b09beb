/// Which characters a step takes.
struct CharacterClass: Sendable {
    private let ranges: [ClosedRange<UInt32>]
    private let isInverted: Bool
    private let ignoresCase: Bool
    /// The verdicts on the characters below 256, a bit for each.
    private var low = InlineArray<4, UInt64>(repeating: 0)

    init(_ ranges: [ClosedRange<UInt32>], isInverted: Bool, ignoresCase: Bool) {
        self.ranges = ranges
        self.isInverted = isInverted
        self.ignoresCase = ignoresCase
        for character in UInt32(0)..<256 where look(up: character) {
            low[Int(character >> 6)] |= 1 << UInt64(character & 63)
        }
    }

    func contains(_ character: UInt32) -> Bool {
        character < 256 ? (low[Int(character >> 6)] >> UInt64(character & 63)) & 1 == 1 : look(up: character)
    }

    private func look(up character: UInt32) -> Bool {
        let isListed = ranges.contains { $0.contains(character) }
        guard !isListed, ignoresCase, let other = Self.otherCase(of: character) else { return isListed != isInverted }
        return ranges.contains { $0.contains(other) } != isInverted
    }

    private static func otherCase(of character: UInt32) -> UInt32? {
        switch character {
        case 0x41...0x5A: character + 0x20
        case 0x61...0x7A: character - 0x20
        default: nil
        }
    }
}
