extension BidirectionalCollection where Element == UInt8, SubSequence == Self {
    /// Without the spaces and tabs at its two ends (RFC 9110 §5.5).
    @inlinable package var trimmedOfSpaces: Self {
        var text = drop { $0.isSpace }
        while text.last?.isSpace ?? false { text.removeLast() }
        return text
    }
}
