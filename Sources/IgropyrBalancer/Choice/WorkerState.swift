import IgropyrUV

/// A worker as one loop knows it: what it has under way there, and whether it is well. Outlives the snapshots.
final class WorkerState {
    let address: SocketAddress
    /// What its host is called in the last snapshot that had it.
    var host: String
    /// Requests of this loop that it has.
    var inFlight = 0
    @safe @exclusivity(unchecked)  // Used for each request, where that check shows in the profile.
    var health = WorkerHealth()

    init(at address: SocketAddress, host: String) {
        self.address = address
        self.host = host
    }
}
