public import IgropyrTime

/// Which hosts count when workers are placed: those alive, and for a moment those that have just failed.
///
/// A host that is back within ``patience`` has caused no upheaval. Requests do not wait for it: balancers leave a host
/// as soon as it counts as failed. One that left in peace is not waited for.
public struct Absences: Hashable, Sendable {
    /// Between the failure of a host and the start of its workers elsewhere.
    public static let patience: Duration = .seconds(1)

    private var present: Set<HostName> = []
    private var ends: [HostName: Timestamp] = [:]

    public init() {}

    /// When a host ceases to count; nil if none is waited for.
    public var deadline: Timestamp? { ends.values.min() }

    public mutating func hosts(alive: Set<HostName>, failed: Set<HostName>, at now: Timestamp) -> Set<HostName> {
        var awaited: [HostName: Timestamp] = [:]
        for host in failed where present.contains(host) && !alive.contains(host) {
            let end = ends[host] ?? now.advanced(by: Self.patience)
            if now < end { awaited[host] = end }
        }
        ends = awaited
        present = alive.union(awaited.keys)
        return present
    }
}
