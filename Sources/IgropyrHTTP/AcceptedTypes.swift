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
    public func weight(of type: String) -> UInt16 {
        let group = type.split(separator: "/", maxSplits: 1).first.map { "\($0)/*" } ?? "*/*"
        for wanted in [type, group, "*/*"] {
            if let found = ranges.first(where: { $0.range == wanted }) { return found.weight }
        }
        return 0
    }
}
