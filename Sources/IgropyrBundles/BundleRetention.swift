public import IgropyrOrchestration

/// Which bundles a host keeps, and which it may drop: what it runs, what is deployed and what a rollback goes back to,
/// in any case; each application's last revisions, also if they did not stand; and whatever came within the last ten
/// minutes, whose deployment may still be on its way.
public struct BundleRetention: Hashable, Sendable {
    /// So many of each application's revisions are kept, the present one included.
    public static let revisions = 3
    public static let graceMilliseconds: Int64 = 10 * 60 * 1000

    /// What deployments, rollbacks and workers need, here or anywhere.
    public var needed: Set<BundleDigest>
    /// Of the applications that are deployed, the latest first.
    public var history: [ApplicationName: [BundleDigest]]
    /// When each bundle here, or the first of it, came; by this host's clock.
    public var stored: [BundleDigest: UnixTime]

    public init(
        needed: Set<BundleDigest>, history: [ApplicationName: [BundleDigest]] = [:], stored: [BundleDigest: UnixTime]
    ) {
        self.needed = needed
        self.history = history
        self.stored = stored
    }

    /// What may go at once. A clock that was set back keeps bundles for ever no more than one that was set forward
    /// drops them early: only a time between the last ten minutes and now counts as new.
    public func unneeded(at now: UnixTime) -> Set<BundleDigest> {
        let earlier = Set(history.values.flatMap { $0.prefix(Self.revisions) })
        let recent = stored.filter { isRecent($0.value, at: now) }.keys
        return Set(stored.keys).subtracting(needed).subtracting(earlier).subtracting(recent)
    }

    /// What may go where space is short: earlier revisions, too.
    public func dispensable(at now: UnixTime) -> Set<BundleDigest> {
        Set(stored.filter { !isRecent($0.value, at: now) }.keys).subtracting(needed)
    }

    private func isRecent(_ time: UnixTime, at now: UnixTime) -> Bool {
        time <= now && time > now.advanced(byMilliseconds: -Self.graceMilliseconds)
    }
}
