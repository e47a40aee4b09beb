import Foundation
import IgropyrOrchestration

/// What a peer's control API sends of the replicated state: JSON of a delta.
enum RecordsTarget: FuzzTarget {
    static let name = "records"
    private static let now = UnixTime(milliseconds: 1_750_000_000_000)

    static func run(_ input: [UInt8]) {
        if let digest = try? JSONDecoder().decode(StateDigest.self, from: Data(input)) { check(digest) }
        guard let delta = try? JSONDecoder().decode(StateDelta.self, from: Data(input)) else { return }
        require(copy(of: delta) == delta, "a delta that was written again is another one")
        var (first, second) = (Host("a"), Host("b"))
        _ = first.state.apply(delta, at: now, clock: &first.clock)
        let again = first.state.apply(delta, at: now, clock: &first.clock)
        // Its own record is the exception: each claim to be as new raises its epoch.
        require(again.deployments.isEmpty && again.hosts.allSatisfy { $0 == first.clock.host })
        require(first.state.deployments.count <= StateLimits.registers)
        require(first.state.hosts.count <= StateLimits.hosts)
        let change = second.state.apply(
            copy(of: first.state.delta(for: second.state.digest)), at: now, clock: &second.clock)
        require(change.refusals.isEmpty, "what one host takes, another refuses")
        require(second.state == first.state, "two hosts do not agree")
        require(first.state.delta(for: second.state.digest).isEmpty)
        // What was taken must be fit for use.
        let next = first.clock.tick(at: now)
        for deployment in first.state.deployments.values {
            require(next > deployment.timestamp, "a later decision would lose")
            require((try? deployment.validate()) != nil)
        }
        for record in first.state.hosts.values { require((try? record.validate(at: now)) != nil) }
    }

    private static func check(_ digest: StateDigest) {
        require(ReplicatedState().delta(for: digest).isEmpty)
    }

    private static func copy(of delta: StateDelta) -> StateDelta {
        do {
            return try JSONDecoder().decode(StateDelta.self, from: JSONEncoder().encode(delta))
        } catch { fatalError("what was written cannot be read: \(error)") }
    }

    private struct Host {
        var state = ReplicatedState()
        var clock: HybridClock

        init(_ name: String) {
            guard let name = HostName(rawValue: name) else { fatalError("no name") }
            clock = HybridClock(host: name)
        }
    }
}
