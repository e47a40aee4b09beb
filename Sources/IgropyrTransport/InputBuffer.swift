/// Input that was read and not yet consumed; holds no memory while there is none.
///
/// A class, since its owner may empty it while `consume` runs: a refused message ends with its connection closed.
final class InputBuffer {
    @safe @exclusivity(unchecked)  // Used for each piece of input, where that check shows in the profile.
    private var bytes: [UInt8] = []

    var isEmpty: Bool { bytes.isEmpty }
    var count: Int { bytes.count }

    /// Lends new input to `consume`, together with what was left of the old, and keeps what it does not consume.
    /// `consume` returns how many bytes it took, from the front.
    func add(_ new: RawSpan, consume: (RawSpan) -> Int) {
        guard bytes.isEmpty else {
            append(new)
            return consumeKept(consume)
        }
        let consumed = consume(new)
        if consumed < new.byteCount { append(new.extracting(droppingFirst: consumed)) }
    }

    /// Lends what was kept, once more; maybe nothing, since an end that needs no byte may be what is looked for.
    func consumeKept(_ consume: (RawSpan) -> Int) {
        let kept = bytes
        bytes = []
        let consumed = unsafe consume(kept.span.bytes)
        if consumed == 0 {
            bytes = kept
        } else if consumed < kept.count {
            unsafe append(kept.span.bytes.extracting(droppingFirst: consumed))
        }
    }

    /// Keeps new input without looking at it.
    func append(_ new: RawSpan) {
        unsafe new.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
    }

    func removeAll() { bytes = [] }
}
