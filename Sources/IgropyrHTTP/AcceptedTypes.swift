/// What `Accept` says (RFC 9110 §12.5.1): how gladly the client takes a media type.
public struct AcceptedTypes: Sendable {
    private var ranges: [(range: String, weight: UInt16)] = []

    /// Reads the value of the field. Ranges with parameters of their own (`text/html;level=1`) count without them.
    public init(_ value: String) {
        let value = value.lowercased().utf8.span
        let bytes = unsafe value.bytes
        var list = ListIterator(0..<value.count)
        while let element = list.next(in: bytes) {
            guard let (range, weight) = WeightedElement.parse(element, in: bytes) else { continue }
            ranges.append((bytes.string(in: range), weight))
        }
    }

    /// In thousandths, by the range that says most of `type`, in lower case and without parameters; 0 is "not
    /// acceptable", and what no range fits is just that.
    public func weight(of type: String) -> UInt16 { place(of: type).map { ranges[$0].weight } ?? 0 }

    /// What the client likes best of `types`, which are as for ``weight(of:)``; between equals what it names first,
    /// then the earlier. Nil if it takes none of them.
    public func best(of types: [String]) -> String? {
        var best: (type: String, weight: UInt16, place: Int)?
        for type in types {
            guard let place = place(of: type), ranges[place].weight > 0 else { continue }
            let weight = ranges[place].weight
            if let best, (weight, best.place) <= (best.weight, place) { continue }
            best = (type, weight, place)
        }
        return best?.type
    }

    /// Among the ranges, of the one that says most of `type`.
    private func place(of type: String) -> Int? {
        let group = type.split(separator: "/", maxSplits: 1).first.map { "\($0)/*" } ?? "*/*"
        for wanted in [type, group, "*/*"] {
            if let place = ranges.firstIndex(where: { $0.range == wanted }) { return place }
        }
        return nil
    }
}
