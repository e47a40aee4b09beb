internal import IgropyrUV

/// The cluster's keys, as a node knows them; all empty without a key file.
struct NodeKeys {
    private static let knownLimit = 32

    /// The key file's.
    let ofFile: ClusterKey?
    /// The cluster's, the one in use first.
    private(set) var present: [ClusterKey] = []
    /// Those and some that were removed, the latest at the end: an operator may have to name one again, for members
    /// that have not heard of it.
    private(set) var known: [ClusterKey] = []
    /// The same, the ones in use first; for whoever opens secrets, on any thread.
    let forSecrets = Locked<[ClusterKey]>([])

    init(ofFile: ClusterKey?) { self.ofFile = ofFile }

    mutating func use(_ keys: [ClusterKey]) {
        present = keys
        let former = known.filter { !keys.contains($0) }
        known = (former + keys).suffix(Self.knownLimit)
        let all = keys + known.filter { !keys.contains($0) }
        forSecrets.withLock { $0 = all }
    }
}
