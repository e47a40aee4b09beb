import IgropyrCluster
import IgropyrOrchestration
import IgropyrTransport

/// How an application's encrypted workers are spoken to: by TLS under a key made from the cluster's.
final class WorkerEncryption: Sendable {
    /// One for each of the cluster's keys, the one in use first; at least one. A worker that has not heard yet that
    /// another is in use takes the next.
    let kinds: [HTTPConnectionKind]
    private let keys: [ClusterKey]
    private let plain: HTTPConnectionKind

    /// What of `previous` is the same stays, and with it the connections: all of it, if nothing has changed. Else they
    /// are as those of `plain`, but encrypted.
    /// - Returns: nil without a key, or without memory.
    static func make(
        for application: ApplicationName, _ plain: HTTPConnectionKind, keys: [ClusterKey],
        reusing previous: WorkerEncryption?
    ) -> WorkerEncryption? {
        if let previous, previous.plain == plain, previous.keys == keys { return previous }
        return try? WorkerEncryption(application, plain, keys, previous?.plain == plain ? previous : nil)
    }

    private init?(
        _ application: ApplicationName, _ plain: HTTPConnectionKind, _ keys: [ClusterKey], _ previous: WorkerEncryption?
    ) throws(TLSError) {
        guard !keys.isEmpty else { return nil }
        self.plain = plain
        self.keys = keys
        kinds = try keys.map { key throws(TLSError) in
            if let previous, let index = previous.keys.firstIndex(of: key) { return previous.kinds[index] }
            return try plain.secured(by: key.worker(of: application))
        }
    }
}
