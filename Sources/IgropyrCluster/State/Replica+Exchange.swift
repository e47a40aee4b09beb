internal import IgropyrOrchestration
internal import Logging

/// How it and its peers come to the same state.
extension Replica {
    /// Exchanges in a row with one peer, each of at most some megabytes.
    private static let roundLimit = 100

    /// Answers a peer's half of an exchange.
    public func answer(_ message: StateExchange) -> StateExchange {
        note(message.time, of: message.sender)
        take(message.delta, from: message.sender)
        guard message.isFetch == true else { return half(with: state.delta(for: message.digest)) }
        let news = state.delta(for: message.digest, of: configuration.name)
        return StateExchange(
            sender: configuration.name, digest: StateDigest(), delta: news, time: .now, isFetch: true)
    }

    private func half(with delta: StateDelta) -> StateExchange {
        StateExchange(sender: configuration.name, digest: state.digest, delta: delta, time: .now)
    }

    /// What peers say and this host refuses, in a line each; empty as a rule.
    var refusalProblems: [String] { refusals.problems(of: peers.keys) }

    /// `isAll`: the delta has all that the peer has and this host lacks.
    /// - Returns: Whether anything was new.
    @discardableResult
    private func take(_ delta: StateDelta, from peer: HostName, isAll: Bool = true) -> Bool {
        var known = Set(members.compactMap(\.host))
        known.insert(configuration.name)
        let own = state.hosts[configuration.name]
        let change = state.apply(delta, at: judgingTime, clock: &clock, knownHosts: known)
        if !delta.isEmpty { note(change.refusals, from: peer, areAll: isAll) }
        for deployment in change.overruled { overruled[deployment.name] = deployment }
        guard !change.isEmpty else { return false }
        didChange()
        if change.deployments.isEmpty, change.certificates.isEmpty { saveRecords() } else { save() }
        // The host's record got a new version, above the peer's, or a decision a new time.
        if state.hosts[configuration.name] != own || !change.upheld.isEmpty { announce() }
        return true
    }

    /// What was decided at this host and counts no more since this was called last: see ``StateChange/overruled``.
    func takeOverruled() -> [Deployment] {
        defer { overruled = [:] }
        return overruled.values.sorted { $0.timestamp < $1.timestamp }
    }

    private func note(_ refused: [Refusal], from peer: HostName, areAll: Bool = true) {
        let known = refusals.problems(of: peers.keys)
        for refusal in refusals.note(refused, from: peer, areAll: areAll) {
            configuration.logger.warning(
                "refused a part of a peer's state", metadata: ["peer": "\(peer)", "reason": "\(refusal)"])
        }
        if refusals.problems(of: peers.keys) != known { didChange() }  // The host's record tells of it.
    }

    /// Fetches from a peer what this host lacks, and sends it what it lacks.
    func compare(with peer: HostName) {
        uncompared.insert(peer)
        pull(from: peer)
    }

    /// Fetches what a peer says of its own, or more if that is due; one after the other for each peer.
    func pull(from peer: HostName) {
        guard !isStopped else { return }
        let pull = pulls[peer] ?? CoalescedWork(on: loop)
        pulls[peer] = pull
        pull.request { await self.exchangePersistently(with: peer) }
    }

    /// Tries again, soon, while the peer counts as alive; after that it is the turn of the periodic exchange.
    private func exchangePersistently(with peer: HostName) async {
        for pause in [Duration.milliseconds(100), .milliseconds(250), .milliseconds(500), .seconds(1), .zero] {
            let comparesAll = uncompared.remove(peer) != nil
            do {
                return try await comparesAll ? exchange(with: peer) : fetch(from: peer)
            } catch {
                if comparesAll { uncompared.insert(peer) }
                configuration.logger.debug(
                    "could not exchange states", metadata: ["peer": "\(peer)", "reason": "\(error)"])
            }
            guard pause > .zero, (try? await Task.sleep(for: pause)) != nil else { return }
        }
    }

    /// What the peer has decided or says about itself. What it has heard from others, those tell, too.
    private func fetch(from peer: HostName) async throws(ControlError) {
        for _ in 0..<Self.roundLimit {
            guard let address = peers[peer], !Task.isCancelled else { return }
            var digest = state.digest
            // To an earlier edition it would say that this host knows of nobody else.
            if fetchers.contains(peer) { digest.hosts = digest.hosts.filter { $0.key == peer } }
            let question = StateExchange(
                sender: configuration.name, digest: digest, delta: StateDelta(), time: .now, isFetch: true)
            let answer = try await client.exchange(question, with: address)
            if answer.isFetch == true { fetchers.insert(peer) } else { fetchers.remove(peer) }
            note(answer.time, of: peer)
            guard take(answer.delta, from: peer, isAll: false), !answer.delta.isComplete else { return }
        }
    }

    private func exchange(with peer: HostName) async throws(ControlError) {
        var outgoing = StateDelta()
        for _ in 0..<Self.roundLimit {
            guard let address = peers[peer], !Task.isCancelled else { return }
            let answer = try await client.exchange(half(with: outgoing), with: address)
            note(answer.time, of: peer)
            if answer.delta.isEmpty { note([], from: peer) }
            let isNews = take(answer.delta, from: peer)
            let rest = state.delta(for: answer.digest)
            if answer.delta.isComplete, rest.isEmpty { return }
            guard isNews || rest != outgoing else { return }  // One of both refuses it, and would again.
            outgoing = rest
        }
    }
}
