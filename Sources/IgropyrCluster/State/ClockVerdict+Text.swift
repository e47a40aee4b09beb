internal import IgropyrOrchestration

/// For people.
extension PeerClocks.Verdict {
    /// What is wrong with the clock, and what to do; nil if nothing is known to be.
    var problem: String? {
        switch self {
        case .ahead(let peers): "its clock is more than 24 hours ahead of \(Self.those(of: peers)): set it right"
        case .behind(let peers, _): "its clock is more than 24 hours behind \(Self.those(of: peers)): set it right"
        case .right, .unknown: nil
        }
    }

    /// Why others would not take what is decided at `host`, and what to do; nil if they would.
    func refusalOfDecisions(at host: HostName) -> String? {
        guard case .ahead(let peers) = self else { return nil }
        return "the clock of \(host) is more than 24 hours ahead of \(Self.those(of: peers)), which would not take the "
            + "decision: set it right, or name another host by --node"
    }

    private static func those(of peers: [HostName]) -> String {
        "those of " + peers.prefix(3).map(\.rawValue).joined(separator: ", ")
    }
}
