public import IgropyrPatterns

/// Which part of a request decides about its worker: the same key goes to the same worker.
///
/// A request without that part, or with an empty one, goes by its path. Nothing is decoded or normalised: `/a` and
/// `/%61` are two keys.
public indirect enum HashKey: Sendable, Hashable {
    /// The path without the query.
    case path
    /// The path with the query.
    case uri
    /// The client's address, without its port; where proxies in front are trusted, the one that they tell.
    case source
    /// Method and path: reading and writing of a path may go to different workers.
    case methodAndPath
    /// The first field of that name.
    case header(String)
    /// The first cookie of that name (RFC 6265 §4.2); its case counts.
    case cookie(String)
    /// The same, and a client that has none is given one at random: see ``newCookie(_:_:using:)``.
    case assignedCookie(String)
    /// The first value of that name in the query; its case counts.
    case query(String)
    /// What the pattern's first group finds in a part of the request.
    case group(Pattern, in: Part)

    /// Where a pattern looks.
    public enum Part: Sendable, Hashable {
        case path, uri
        case header(String)
        case cookie(String)
    }
}
