internal import IgropyrGossip
public import IgropyrUV
internal import Logging

/// Asking to be let in, and finding those who are missing.
extension Membership {
    /// Some seconds.
    private static let patientRounds = 4

    /// Where members were last, those that have left aside, the one heard of last first: seeds for the next start.
    public var rememberedPeers: [SocketAddress] { seeds.remembered.reversed() }

    /// Asks the seeds until one lets us in, for as long as it takes, and again whenever we find ourselves alone. Where
    /// others are with us, goes on asking seeds and remembered members that are not among them, a few at a time: after
    /// a partition both sides have members, and may have lost sight of each other for good.
    func lookForSeeds(after pause: Duration = .zero) async {
        do { if pause > .zero { try await Task.sleep(for: pause) } } catch { return }
        while !Task.isCancelled, core != nil {
            await askSeeds()
            do { try await Task.sleep(for: seeds.nextPause(isAlone: isAlone)) } catch { return }
        }
    }

    /// Members failed: whoever is missing may be on the other side of a partition, which may heal soon.
    func lookAgainSoon() {
        guard !seeds.isFresh, seedTask != nil else { return }
        seeds.hurry()
        seedTask?.cancel()
        seedTask = Task(executorPreference: loop) { [weak self] in await self?.lookForSeeds(after: .seconds(1)) }
        if isAlone { discovery?.askAgain() }
    }

    /// Members elsewhere would take us in, and each look for us on its own host. One at another address of this host
    /// finds us.
    /// - Throws: if we look for some, but can be reached from this host only. Names are looked at when they are asked
    ///   for.
    func refuseToHide() throws(MembershipError) {
        if configuration.isHidden, configuration.discovery != nil {
            throw .hidden(configuration, "--discover finds members on other hosts")
        }
        if let peer = configuration.rememberedPeers.first(where: { isElsewhere($0) && !isOurs($0) }) {
            throw .hidden(configuration, "the data folder remembers a member on another host, \(peer)")
        }
    }

    private func isElsewhere(_ address: SocketAddress) -> Bool { configuration.isHidden && !address.isLoopback }

    /// Members' addresses have no zones but that of ours.
    private func isOutOfReach(_ address: SocketAddress) -> Bool { address.host.isLinkLocal && configuration.zone == 0 }

    private func isOurs(_ address: SocketAddress) -> Bool {
        (try? NetworkInterface.having(oneOf: [address.host])) != nil
    }

    private var isAlone: Bool { !members.contains { $0.name != configuration.name && $0.status == .alive } }

    private func askSeeds() async {
        seeds.beginRound()
        let wasAlone = isAlone
        var candidates: [SocketAddress] = []
        for seed in await seedEndpoints() {
            do throws(UVError) {
                let addresses = try await NameResolver.addresses(of: seed).map { $0.inZone(configuration.zone) }
                seeds.note(addresses, of: seed)
                candidates += addresses.filter { !isElsewhere($0) && !isOutOfReach($0) }
                if let address = addresses.first(where: isElsewhere) {
                    let error = MembershipError.hidden(configuration, "it leads to another host, \(address)")
                    seedDidFail("\(seed)", seed, error.description, isKeyMismatch: false)
                }
                if let address = addresses.first(where: isOutOfReach) {
                    let reason = "\(address) is link-local: only a member that is bound to such an address reaches it"
                    seedDidFail("\(seed)", seed, reason, isKeyMismatch: false)
                }
            } catch {
                seedDidFail("\(seed)", seed, "\(error)", isKeyMismatch: false)
            }
            // The first that answers will do: no need to wait for the names of the others.
            if wasAlone, join(candidates) { candidates = [] }
        }
        let missing = candidates + seeds.remembered.reversed()
        _ = join(wasAlone ? missing : Array(missing.filter(isMissing).shuffled().prefix(SeedBook.missingPerRound)))
        if isAlone { sayWhoIsMissing() }
    }

    /// Once: who is asked by multicast and is not there says nothing, be it for another name or another network.
    private func sayWhoIsMissing() {
        guard seeds.attempts == Self.patientRounds, let cluster = configuration.discovery else { return }
        configuration.logger.notice(
            "nobody on this network answers yet; asking on (all have to give the same --discover)",
            metadata: ["discover": "\(cluster)"])
    }

    private func seedEndpoints() async -> [Endpoint] {
        var endpoints = seeds.endpoints
        for service in seeds.services {
            do throws(UVError) {
                endpoints += try await ServiceLookup.endpoints(of: service, from: configuration.nameServer)
            } catch {
                let seed = Endpoint(host: service, port: 0)
                seedDidFail(service, seed, "the service \(service): \(error.reason)", isKeyMismatch: false)
            }
        }
        return endpoints
    }

    /// Whether anybody was asked.
    private func join(_ addresses: [SocketAddress]) -> Bool {
        var seen: Set<SocketAddress> = []
        let others = addresses.filter { isMissing($0) && seen.insert($0).inserted }
        guard !others.isEmpty, core != nil else { return false }
        perform { core, now in core.join(others.map { MemberAddress($0) }, at: now) }
        return true
    }

    /// Whether the address is neither ours nor that of a member which is there.
    private func isMissing(_ address: SocketAddress) -> Bool {
        address != advertisedAddress && address != localAddress
            && !members.contains {
                ($0.status == .alive || $0.status == .leaving) && socketAddress(of: $0.address) == address
            }
    }

    /// Somebody on the local network says that a member of our cluster is there.
    func didDiscover(_ address: SocketAddress) { _ = join([address]) }

    func didJoin(_ address: SocketAddress) {
        let seed = seeds.seed(at: address)
        let isNews = seeds.noteSuccess(of: seed)
        configuration.logger.log(level: isNews ? .info : .debug, "joined the cluster", metadata: ["seed": "\(seed)"])
        subscribers.yield(.joined(seed: seed))
    }

    func joinDidFail(_ address: SocketAddress, _ failure: StreamFailure) {
        let seed = seeds.seed(at: address)
        seedDidFail("\(seed)", seed, failure.description(for: seed), isKeyMismatch: failure.isLikelyKeyMismatch)
    }

    private func seedDidFail(_ name: String, _ seed: Endpoint, _ reason: String, isKeyMismatch: Bool) {
        let isNews = seeds.noteFailure(of: name, reason)
        // A member that is gone puts nothing in question, as long as others are there.
        let isWanted = isAlone || seeds.isNamed(name)
        let message: Logger.Message =
            isWanted ? "could not join by this seed; trying again" : "a member of before does not answer; looking again"
        configuration.logger.log(
            level: !isNews ? .debug : isWanted ? .warning : .info, message,
            metadata: ["seed": "\(name)", "reason": "\(reason)", "attempt": "\(seeds.attempts)"])
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
        case .timedOut: "\(seed) did not answer in time: does a firewall let UDP and TCP through to it, and back?"
        case .closedWithoutReply:
            "\(seed) closed the connection without an answer: is --key-file the same on both hosts, and "
                + "\(seed.port) its gossip port?"
        case .refused(let text):
            "\(seed) refused our packets (\(text.filter { $0.isASCII && !$0.isNewline })): is --key-file the same on both hosts?"
        case .unreadable(.undecryptable):
            "\(seed) refused our packets: is --key-file the same on both hosts?"
        case .unreadable(.notEncrypted):
            "\(seed) has no key and we have one: give both hosts the same --key-file; "
                + "or \(seed.port) is not its gossip port"
        case .unreadable(.unexpectedEncryption):
            "\(seed) has a key and we have none: give both hosts the same --key-file"
        case .unreadable(let error): "\(seed) does not answer like a member (\(error))"
        case .incompatibleVersions: "\(seed) knows members whose protocol versions do not fit ours"
        case .unexpectedReply: "\(seed) does not answer like a member"
        }
    }
}
