internal import IgropyrOrchestration

/// What was refused of each peer's state, as of the last exchange with it: told once in the log, and for as long as it
/// lasts as a problem.
struct RefusalBook {
    /// Refusals that are kept of a peer, and that are known to have been told.
    private static let limit = 100
    private static let toldLimit = 1000
    private static let namesLimit = 3

    private var refused: [HostName: [Refusal]] = [:]
    private var told: Set<Refusal> = []

    /// Takes the peer's refusals: in place of those before if they are of all that it has, else beside them.
    /// - Returns: Those that are to be told.
    mutating func note(_ refusals: [Refusal], from peer: HostName, areAll: Bool = true) -> [Refusal] {
        let known = areAll ? [] : refused[peer, default: []].filter { !refusals.contains($0) }
        let present = (refusals + known).prefix(Self.limit)
        refused[peer] = present.isEmpty ? nil : Array(present)
        return refusals.filter { told.count < Self.toldLimit && told.insert($0).inserted }
    }

    /// Now and then: what is still refused is told again, and peers that are gone are forgotten.
    mutating func beginAnew() {
        refused = [:]
        told = []
    }

    /// Of those peers, a line each.
    func problems(of peers: some Collection<HostName>) -> [String] {
        let present = refused.filter { peers.contains($0.key) }
        let early = present.filter { $0.value.contains { $0.code == .tooFarAhead } }.keys.sorted()
        var problems: [String] = []
        if !early.isEmpty {
            let names = early.prefix(Self.namesLimit).map(\.rawValue).joined(separator: ", ")
            problems.append(
                "its clock is more than 24 hours behind that of \(names), whose news it refuses: set right whichever is wrong"
            )
        }
        for (peer, refusals) in present.sorted(by: { $0.key < $1.key }) {
            guard let first = refusals.first(where: { $0.code != .tooFarAhead }) else { continue }
            problems.append("something that \(peer) says is refused: \(first)")
        }
        return problems
    }
}
