import ArgumentParser
import IgropyrCluster
import IgropyrText
import IgropyrUV

/// Has all members change their keys, by one node.
struct KeyClient: Sendable {
    let client: ControlClient
    let node: SocketAddress
    let timeout: Double?

    func run(_ message: KeysMessage, _ title: String) async throws -> Poll {
        var message = message
        message.timeout = timeout
        let sent = message
        return try await Poll.run(title, until: { $0.asked.isSubset(of: $0.outcomes.keys) }) { onLine in
            try await client.keys(sent, by: node, onLine: onLine)
        }
    }

    /// Names who did not follow, and throws exit code 2, unless all did.
    static func requireAll(_ poll: Poll, nothingWasDone: Bool) throws {
        let silent = poll.asked.subtracting(poll.outcomes.keys)
        poll.complain(silent, "did not answer" + (nothingWasDone ? "" : ": run the same again, or see igropyr members"))
        let refusals = poll.outcomes.filter { !$0.value.isDone }
        for (member, outcome) in refusals.sortedNaturally(by: { [$0.key] }) {
            StandardError.write("  \(member): \(outcome.message)".plain + "\n")
        }
        guard silent.isEmpty, refusals.isEmpty else { throw ExitCode.incomplete }
    }

    /// Returns the fingerprints of the keys that were removed. Each step is reported when all have taken it.
    func rotate(to key: ClusterKey, keepsOld: Bool, _ report: @Sendable (String) -> Void) async throws -> [String] {
        let new = key.fingerprint
        let before = try await step(KeysMessage(.list), "looking at the keys", "nothing was changed")
        let away = try await client.members(of: node).members.filter { $0.status == .failed }
        for member in away {
            StandardError.write(
                "warning: \(member.name.plain) has failed; when it comes back it needs the new key file"
                    + (keepsOld ? "\n" : ", or run this with --keep-old\n"))
        }
        _ = try await step(KeysMessage(.add, key: key), "adding \(new)", "the old key stays in use")
        report("\(before.outcomes.count.counting("member")) got the new key \(new)")
        _ = try await step(KeysMessage(.use, key: key), "using \(new)", "all have both keys: run this again")
        try await client.use(key)
        let after = try await step(KeysMessage(.list), "making sure", "all have both keys: run this again")
        let laggards = after.outcomes.filter { $0.value.fingerprints.first != new }.keys.sortedNaturally { [$0] }
        guard laggards.isEmpty else {
            throw CommandFailure(
                "not going on: \(laggards.joined(separator: ", ").plain) still writes with another key; run this again")
        }
        report("used by \(after.outcomes.count.counting("member"))")
        guard !keepsOld else { return [] }
        let old = Set(after.outcomes.values.flatMap(\.fingerprints)).subtracting([new]).sorted()
        for fingerprint in old {
            _ = try await step(
                KeysMessage(.remove, fingerprint: fingerprint), "removing \(fingerprint)",
                "the new key is in use, an old one is left: run this again")
            report("\(after.outcomes.count.counting("member")) forgot \(fingerprint)")
        }
        return old
    }

    private func step(_ message: KeysMessage, _ title: String, _ state: String) async throws -> Poll {
        let poll = try await run(message, title)
        do { try Self.requireAll(poll, nothingWasDone: true) } catch {
            throw CommandFailure("not going on, since not every member that is alive has followed; \(state)")
        }
        return poll
    }
}
