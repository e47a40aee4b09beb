internal import IgropyrGossip
internal import IgropyrUV
internal import Logging

/// Asking to be let in.
extension Membership {
    /// Asks the seeds until one lets us in, for as long as it takes; and again whenever we find ourselves alone.
    func lookForSeeds() async {
        while !Task.isCancelled, core != nil {
            if isAlone { await askSeeds() }
            do { try await Task.sleep(for: seeds.nextPause()) } catch { return }
        }
    }

    private var isAlone: Bool { !members.contains { $0.name != configuration.name && $0.status == .alive } }

    private func askSeeds() async {
        seeds.beginRound()
        for seed in seeds.endpoints {
            do throws(UVError) {
                let addresses = try await NameResolver.addresses(of: seed, on: loop)
                let others = addresses.filter { $0 != advertisedAddress && $0 != localAddress }
                seeds.note(others, of: seed)
                perform { core, now in core.join(others.map { MemberAddress($0) }, at: now) }
            } catch {
                seedDidFail(seed, "\(error)", isKeyMismatch: false)
            }
        }
    }

    func didJoin(_ address: SocketAddress) {
        let seed = seeds.seed(at: address)
        seeds.noteSuccess(of: seed)
        configuration.logger.info("joined the cluster", metadata: ["seed": "\(seed)"])
        subscribers.yield(.joined(seed: seed))
    }

    func joinDidFail(_ address: SocketAddress, _ failure: StreamFailure) {
        let seed = seeds.seed(at: address)
        seedDidFail(seed, failure.description(for: seed), isKeyMismatch: failure.isLikelyKeyMismatch)
    }

    private func seedDidFail(_ seed: Endpoint, _ reason: String, isKeyMismatch: Bool) {
        let isNews = seeds.noteFailure(of: seed, reason)
        configuration.logger.log(
            level: isNews ? .warning : .debug, "could not join by this seed; trying again",
            metadata: ["seed": "\(seed)", "reason": "\(reason)", "attempt": "\(seeds.attempts)"])
        subscribers.yield(.joinFailed(seed: seed, reason: reason, isKeyMismatch: isKeyMismatch))
    }
}

extension StreamFailure {
    /// Agents that cannot read us mostly say so; some just close.
    var isLikelyKeyMismatch: Bool { isKeyMismatch || self == .closedWithoutReply }

    func description(for seed: Endpoint) -> String {
        switch self {
        case .unreachable(let reason): "\(seed) cannot be reached: \(reason)"
        case .connectionRefused: "\(seed) cannot be reached: connection refused"
        case .timedOut: "\(seed) did not answer in time"
        case .closedWithoutReply:
            "\(seed) closed the connection without an answer: is --key-file the same on both hosts?"
        case .refused(let text):
            "\(seed) refused our packets (\(text.filter { $0.isASCII && !$0.isNewline })): is --key-file the same on both hosts?"
        case .unreadable(.undecryptable):
            "\(seed) refused our packets: is --key-file the same on both hosts?"
        case .unreadable(.notEncrypted): "\(seed) has no key and we have one: give both hosts the same --key-file"
        case .unreadable(.unexpectedEncryption):
            "\(seed) has a key and we have none: give both hosts the same --key-file"
        case .unreadable(let error): "\(seed) does not answer like a member (\(error))"
        case .incompatibleVersions: "\(seed) knows members whose protocol versions do not fit ours"
        case .unexpectedReply: "\(seed) does not answer like a member"
        }
    }
}
