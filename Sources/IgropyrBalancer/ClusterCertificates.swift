internal import IgropyrCluster
internal import IgropyrOrchestration
internal import IgropyrTransport
internal import Logging

/// The cluster's certificates, for listeners that await them.
struct ClusterCertificates {
    private static let formerKeyLimit = 32

    var known: [CertificateName: Certificate] = [:]
    /// Such as were the cluster's: certificates are under them until a node has put those under the new one.
    private var formerKeys: [ClusterKey] = []
    /// What ``show(on:keys:logger:)`` went by last; nil before.
    private var shown: (certificates: [CertificateName: Certificate], keys: [ClusterKey])?

    var areShown: Bool { shown != nil }

    /// To be called as the cluster goes from the `old` keys to others.
    mutating func keep(_ old: [ClusterKey], replacedBy keys: [ClusterKey]) {
        formerKeys = Array((old + formerKeys).filter { !keys.contains($0) }.prefix(Self.formerKeyLimit))
    }

    /// Has listeners that await the cluster's certificates show those that are known. `keys` are the cluster's.
    mutating func show(on balancer: Balancer, keys: [ClusterKey], logger: Logger) {
        guard balancer.awaitsCertificates else { return }
        if let shown, shown == (known, keys) { return }
        shown = (known, keys)
        let opened = ShownCertificates(known, keys: keys + formerKeys)
        var problems = opened.problems
        do throws(TLSError) { try balancer.use(opened.usable) } catch { problems.append(error.description) }
        for problem in problems {
            logger.error("cannot show a certificate of the cluster", metadata: ["reason": "\(problem)"])
        }
        guard opened.usable.isEmpty else { return }
        logger.warning("there is no certificate to show, so handshakes fail: igropyr certificate set")
    }
}
