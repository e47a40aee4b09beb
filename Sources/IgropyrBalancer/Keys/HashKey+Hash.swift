import IgropyrHTTP
import IgropyrHashing
import IgropyrOrchestration
import IgropyrPatterns
import IgropyrUV

extension HashKey {
    /// The hash of a request's key; allocates nothing, except with a pattern.
    func hash(_ head: MessageHead, _ bytes: RawSpan, source: SocketAddress?) -> UInt64 {
        if case .source = self, let source { return Self.hash(source.host.unmapped) }
        guard let range = range(head, bytes), !range.isEmpty else { return Self.hashPath(head, bytes) }
        guard case .methodAndPath = self else { return XXH64.hash(bytes.extracting(range)) }
        return XXH64.hash(bytes.extracting(range), seed: XXH64.hash(bytes.extracting(head.methodName)))
    }

    /// Where the key stands; nil if it does not.
    private func range(_ head: MessageHead, _ bytes: RawSpan) -> Range<Int>? {
        switch self {
        case .source: nil
        case .path, .methodAndPath: head.path
        case .uri: Part.uri.range(head, bytes)
        case .header(let name): head.value(of: name, in: bytes)
        case .cookie(let name), .assignedCookie(let name): head.cookie(name, in: bytes)
        case .query(let name): head.parameter(name, in: bytes)
        case .group(let pattern, let part): part.range(head, bytes).flatMap { pattern.firstGroup(in: $0, of: bytes) }
        }
    }

    private static func hashPath(_ head: MessageHead, _ bytes: RawSpan) -> UInt64 {
        head.path.isEmpty ? XXH64.hash("/") : XXH64.hash(bytes.extracting(head.path))
    }

    private static func hash(_ host: SocketAddress.Host) -> UInt64 {
        var bytes = InlineArray<20, UInt8>(repeating: 0)
        switch host {
        case .v4(let a, let b, let c, let d): (bytes[0], bytes[1], bytes[2], bytes[3]) = (a, b, c, d)
        case .v6(let high, let low, let zone):
            for index in 0..<8 {
                bytes[index] = UInt8(truncatingIfNeeded: high >> UInt64(56 - 8 * index))
                bytes[8 + index] = UInt8(truncatingIfNeeded: low >> UInt64(56 - 8 * index))
            }
            for index in 0..<4 { bytes[16 + index] = UInt8(truncatingIfNeeded: zone >> UInt32(24 - 8 * index)) }
        }
        return XXH64.hash(bytes.span)
    }
}

extension HashKey.Part {
    fileprivate func range(_ head: MessageHead, _ bytes: RawSpan) -> Range<Int>? {
        switch self {
        case .path: head.path
        case .uri: head.path.lowerBound..<(head.query?.upperBound ?? head.path.upperBound)
        case .header(let name): head.value(of: name, in: bytes)
        case .cookie(let name): head.cookie(name, in: bytes)
        }
    }
}

extension Pattern {
    fileprivate func firstGroup(in range: Range<Int>, of bytes: RawSpan) -> Range<Int>? {
        guard let group = firstGroup(in: Span<UInt8>(_bytes: bytes).extracting(range)) else { return nil }
        return range.lowerBound + group.lowerBound..<range.lowerBound + group.upperBound
    }
}
