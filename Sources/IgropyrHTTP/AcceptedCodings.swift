/// What `Accept-Encoding` says (RFC 9110 §12.5.3): which codings the client takes, and how gladly.
public struct AcceptedCodings: BitwiseCopyable, Sendable, Hashable {
    /// In thousandths, nil for what is not listed; by the codings' raw values.
    private var weights: InlineWeights = InlineWeights()
    /// That of `*`: for all that is not listed.
    private var otherWeight: UInt16?

    /// A client that sent the field without a value: it takes no coding.
    public init() {}

    /// Reads the value of a field line. An element that is not a token with or without a weight is skipped.
    public init(_ value: String) {
        self.init()
        let value = value.utf8.span
        unsafe add(0..<value.count, in: value.bytes)
    }

    mutating func add(_ value: Range<Int>, in bytes: RawSpan) {
        var list = ListIterator(value)
        while let element = list.next(in: bytes) {
            guard let (token, weight) = WeightedElement.parse(element, in: bytes) else { continue }
            if bytes.equals("*", in: token) {
                otherWeight = weight
            } else if let coding = ContentCoding(token, in: bytes) {
                weights[coding] = weight
            }
        }
    }

    /// In thousandths; 0 is "not acceptable". What is not coded at all is acceptable unless the client says otherwise,
    /// and the last that it wants.
    public func weight(of coding: ContentCoding) -> UInt16 {
        if let weight = weights[coding] { return weight }
        guard coding == .identity else { return otherWeight ?? 0 }
        return otherWeight == 0 ? 0 : 1
    }

    /// What the client likes best of `codings`; between equals the earlier. Nil if it takes none of them.
    public func best(of codings: [ContentCoding]) -> ContentCoding? {
        var best: (coding: ContentCoding, weight: UInt16)?
        for coding in codings {
            let weight = weight(of: coding)
            if weight > best?.weight ?? 0 { best = (coding, weight) }
        }
        return best?.coding
    }

    /// A weight for each coding.
    private struct InlineWeights: BitwiseCopyable, Hashable {
        private var identity: UInt16?
        private var gzip: UInt16?
        private var brotli: UInt16?
        private var zstd: UInt16?

        subscript(coding: ContentCoding) -> UInt16? {
            get {
                switch coding {
                case .identity: identity
                case .gzip: gzip
                case .brotli: brotli
                case .zstd: zstd
                }
            }
            set {
                switch coding {
                case .identity: identity = newValue
                case .gzip: gzip = newValue
                case .brotli: brotli = newValue
                case .zstd: zstd = newValue
                }
            }
        }
    }
}
