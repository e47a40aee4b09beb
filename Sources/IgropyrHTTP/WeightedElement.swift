/// An element of a list with weights, such as `gzip;q=0.5` (RFC 9110 §12.4.2).
enum WeightedElement {
    /// What stands before the first semicolon, and the weight in thousandths: 1000 without `q`. Nil if the element is
    /// empty or its weight is none.
    static func parse(_ element: Range<Int>, in bytes: RawSpan) -> (token: Range<Int>, weight: UInt16)? {
        let semicolon = bytes.firstOffset(of: UInt8(ascii: ";"), from: element.lowerBound, to: element.upperBound)
        let token = bytes.trimmed(element.lowerBound..<(semicolon ?? element.upperBound))
        guard !token.isEmpty else { return nil }
        var weight: UInt16 = 1000
        var next = semicolon
        while let semicolon = next {
            next = bytes.firstOffset(of: UInt8(ascii: ";"), from: semicolon + 1, to: element.upperBound)
            let parameter = bytes.trimmed((semicolon + 1)..<(next ?? element.upperBound))
            guard parameter.count >= 2, bytes.equals("q=", in: parameter.lowerBound..<(parameter.lowerBound + 2))
            else { continue }
            guard let value = self.weight((parameter.lowerBound + 2)..<parameter.upperBound, in: bytes) else {
                return nil
            }
            weight = value
        }
        return (token, weight)
    }

    /// `0` or `1`, and up to three digits after the point; not above 1.
    private static func weight(_ range: Range<Int>, in bytes: RawSpan) -> UInt16? {
        guard 1...5 ~= range.count, range.count != 2 || bytes.byte(at: range.lowerBound + 1) == UInt8(ascii: ".")
        else { return nil }
        var weight: UInt16 = 0
        for (place, offset) in range.enumerated() {
            let byte = bytes.byte(at: offset)
            if place == 1 {
                guard byte == UInt8(ascii: ".") else { return nil }
            } else {
                guard byte.isDigit else { return nil }
                weight = weight * 10 + UInt16(byte & 0x0F)
            }
        }
        for _ in max(2, range.count)..<5 { weight *= 10 }
        return weight <= 1000 ? weight : nil
    }
}
