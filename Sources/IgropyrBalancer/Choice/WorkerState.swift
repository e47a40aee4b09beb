import IgropyrTransport
import IgropyrUV

/// A worker as one loop knows it: what it has under way there, and whether it is well. Outlives the snapshots.
final class WorkerState {
    let address: SocketAddress
    /// What its host is called in the last snapshot that had it.
    var host: String
    /// How it is spoken to, in place of its application's way; nil for good if it is not encrypted.
    var encryption: WorkerEncryption?
    /// Where its resting connections are; nil before the first one.
    var connections: ServerConnections?
    /// Requests of this loop that it has.
    var inFlight = 0
    @safe @exclusivity(unchecked)  // Used for each request, where that check shows in the profile.
    var health = WorkerHealth()

    init(_ member: Upstreams.Worker, _ encryption: WorkerEncryption?) {
        address = member.address
        host = member.host
        self.encryption = encryption
    }
}
