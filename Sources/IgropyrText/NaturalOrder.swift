extension Sequence {
    /// By names as people count, `host-2` before `host-10`: of each element the first name, then the next.
    public func sortedNaturally(by names: (Element) -> [String]) -> [Element] {
        map { (key: names($0).map(naturalKey), element: $0) }
            .sorted { $0.key.lexicographicallyPrecedes($1.key) { $0.lexicographicallyPrecedes($1) } }
            .map(\.element)
    }
}

/// Orders as text what it is made of orders naturally: how many digits a number has stands in front of it. Then the
/// name itself, which tells `a1` from `a01`.
private func naturalKey(_ name: String) -> [UInt8] {
    let zero = UInt8(ascii: "0")
    let isDigit = { (byte: UInt8) in zero...UInt8(ascii: "9") ~= byte }
    var (key, rest) = ([UInt8](), Array(name.utf8)[...])
    while let byte = rest.first {
        guard isDigit(byte) else {
            key.append(byte)
            rest = rest.dropFirst()
            continue
        }
        let number = rest.prefix(while: isDigit)
        let digits = number.drop { $0 == zero }
        key.append(zero + UInt8(Swift.min(digits.count, 200)))
        key += digits
        rest = rest[number.endIndex...]
    }
    return key + [0] + Array(name.utf8)
}
