internal import IgropyrBundles
internal import IgropyrOrchestration

/// What a host knows of the bundles on its disk.
struct LocalBundles {
    /// Those that are stored whole.
    var whole: Set<BundleDigest> = []
    /// When each came, by the wall clock, those included that are not whole.
    var times: [BundleDigest: UnixTime] = [:]
    /// Those with nothing that this host could run, and why that is so.
    var misfits: [BundleDigest: String] = [:]
    /// What clients are sending.
    var uploads = BundleUploads()

    mutating func insert(_ digest: BundleDigest, at now: UnixTime) {
        whole.insert(digest)
        times[digest] = now
    }

    mutating func remove(_ digests: Set<BundleDigest>) {
        whole.subtract(digests)
        for digest in digests { (times[digest], misfits[digest]) = (nil, nil) }
    }
}

extension LocalBundles {
    /// What the store holds. Blocks.
    init(in store: BundleStore) throws(BundleError) {
        (whole, times) = (Set(try store.list()), try store.times())
        for digest in whole { misfits[digest] = try? store.index(digest).misfit }
    }
}
