import IgropyrHTTP

/// Fields that a message says belong to its connection, beside those that always do (``ProxiedField/hopByHop``).
enum HopByHop {
    /// The names that `Connection` lists beyond the usual ones; empty in nearly all messages.
    static func listed(in head: MessageHead, _ bytes: RawSpan) -> [Range<Int>] {
        guard head.hasConnectionFields else { return [] }
        var names: [Range<Int>] = []
        head.forEachConnectionOption(in: bytes) { names.append($0) }
        return names
    }

    /// The same as text, for later: trailers must not bring those fields through either.
    static func listedNames(in head: MessageHead, _ bytes: RawSpan) -> [String] {
        listed(in: head, bytes).map { bytes.string(in: $0) }
    }
}

extension TrailerFields {
    /// What of the trailers in `lines`, which a parser has checked, is passed on; `drops` says which are not, by where
    /// their names are.
    init(forwarding lines: RawSpan, except listed: [String], dropping drops: (Range<Int>) -> Bool) {
        self.init()
        var fields = FieldIterator(0..<lines.byteCount)
        while let (name, value) = fields.next(in: lines) {
            guard ProxiedField(name, in: lines).passesAsTrailer, !drops(name) else { continue }
            if listed.contains(where: { lines.matches($0, in: name) }) { continue }
            try? append(name: lines.extracting(name), value: lines.extracting(value))
        }
    }
}
