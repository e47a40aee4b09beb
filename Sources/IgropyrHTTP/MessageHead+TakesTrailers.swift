extension MessageHead {
    /// Whether a client's `TE` says that it takes trailers, which a proxy passes on to it (RFC 9110 §10.1.4). In
    /// HTTP/1.1 that counts only if `Connection` lists it, too: else it may be another client's, passed on by a
    /// careless proxy. `bytes` are the head's.
    package func takesTrailers(in bytes: RawSpan) -> Bool {
        var isAsked = false
        forEachField(in: bytes) { name, value in
            guard bytes.matches("te", in: name) else { return }
            isAsked = isAsked || Self.listsTrailers(bytes.string(in: value))
        }
        guard isAsked, version != .http2 else { return isAsked }
        var isListed = false
        forEachConnectionOption(in: bytes) { option in isListed = isListed || bytes.matches("te", in: option) }
        return isListed
    }

    private static func listsTrailers(_ list: String) -> Bool {
        list.split(separator: ",").contains { element in
            element.lowercased().split { $0 == " " || $0 == "\t" } == ["trailers"]
        }
    }
}
