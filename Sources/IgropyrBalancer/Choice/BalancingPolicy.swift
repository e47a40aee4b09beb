/// How the worker for a request is found.
public enum BalancingPolicy: Sendable, Hashable {
    /// The same key goes to the same worker, unless that has too much to do; then to the next of the key's own list.
    case consistentHash
    /// The worker with the fewest requests under way, in proportion to the weights.
    case leastRequest
    /// The one with fewer requests under way of two that chance picks: nearly as even, and does not look at all of
    /// them. Source: Mitzenmacher, "The power of two choices in randomized load balancing" (IEEE TPDS 2001).
    case randomTwo
}
