extension ReplicatedState {
    /// An operator's change of a deployed application.
    public enum Change: Hashable, Sendable, Codable {
        case scale(to: DeploymentSpec.Scale)
        /// Replaces all workers by others of the same revision.
        case restart
        /// Tries a quarantined revision again: see ``Quarantine``.
        case retry
        case pause
        case resume
        /// Lets the others follow the canaries.
        case promote
        /// Goes back to the last deployment that stood before the present one, or to one of that revision.
        case rollback(to: BundleDigest?)
    }

    /// - Throws: If the application is not deployed, the change makes no sense now, or a limit is reached.
    /// - Returns: The entry made.
    public mutating func change(
        _ name: ApplicationName, _ change: Change, at now: UnixTime, clock: inout HybridClock
    ) throws(DeploymentError) -> Deployment {
        guard var deployment = deployments[name], let spec = deployment.spec else { throw unknown(name) }
        switch change {
        case .scale(let scale): deployment.spec?.scale = scale
        case .restart, .retry:
            var next = spec
            next.generation = (spec.generation ?? 0) + 1
            deployment.replace(by: next, .restart)
        case .pause: try deployment.pause()
        case .resume:
            guard deployment.progress.isPaused else { throw .notNow("\(name) is not paused") }
            deployment.progress.isPaused = false
        case .promote: try deployment.promote()
        case .rollback(let revision): try deployment.rollBack(to: revision)
        }
        deployment.timestamp = timestamp(for: name, at: now, clock: &clock)
        deployment.follow(deployments[name])
        do { try deployment.validate() } catch { throw .refused(error) }
        store(deployment)
        return deployment
    }

    /// Enters what a rollout came to, and for people when. Every host may, at the same time; all make the same of it.
    /// - Returns: The entry made; nil if the deployment is not, or no longer, the one that was judged.
    public mutating func conclude(
        _ name: ApplicationName, _ verdict: Rollout.Verdict, of timestamp: HybridTimestamp, by host: HostName,
        at now: UnixTime
    ) -> Deployment? {
        guard var deployment = deployments[name], deployment.timestamp == timestamp, !deployment.progress.isComplete
        else { return nil }
        switch verdict {
        case .complete:
            deployment.progress.isComplete = true
            deployment.timestamp = timestamp.concluded(rank: 1, by: host)
        case .failed(let reason):
            guard let previous = deployment.lastStanding else { return nil }
            deployment.goBack(to: previous, .automaticRollback)
            deployment.progress.reason = WorkerRecord.message(from: reason)
            deployment.progress.rolledBackAt = now
            deployment.timestamp = timestamp.concluded(rank: 2, by: host)
        }
        store(deployment)
        return deployment
    }
}

extension DeploymentSpec {
    /// Whether going back to `earlier` would change nothing: the scale stays, and secrets are the same under any key.
    fileprivate func equals(_ earlier: DeploymentSpec) -> Bool {
        var earlier = earlier
        earlier.scale = scale
        if earlier.worker == worker { earlier.secrets = secrets }
        return earlier == self
    }

    fileprivate func isRestart(of earlier: DeploymentSpec) -> Bool {
        var earlier = earlier
        earlier.generation = generation
        return equals(earlier)
    }
}

extension Deployment {
    /// Makes `spec` what is deployed, and the present one history.
    mutating func replace(by next: DeploymentSpec, _ cause: RolloutProgress.Cause) {
        if let spec {
            let outcome: PastDeployment.Outcome =
                progress.isComplete ? .stood : cause == .automaticRollback ? .failed : .superseded
            history.insert(PastDeployment(time: changedAt, spec: spec, outcome: outcome), at: 0)
            trimHistory(of: next)
        }
        spec = next
        progress = RolloutProgress(cause)
    }

    /// Keeps the latest, the last that stood, and what a rollback from `next` goes back to.
    private mutating func trimHistory(of next: DeploymentSpec) {
        let kept = [history.firstIndex { $0.outcome == .stood }, indexOfStanding(behind: next)]
        for index in history.indices.reversed() where history.count > StateLimits.history && !kept.contains(index) {
            history.remove(at: index)
        }
    }

    /// Of the last that stood before `spec` was deployed first, whatever has been restarted since.
    private func indexOfStanding(behind spec: DeploymentSpec) -> Int? {
        history.drop { spec.isRestart(of: $0.spec) }.firstIndex { $0.outcome == .stood }
    }

    /// The scale stays as it is: it belongs to the load, not to the revision.
    mutating func goBack(to earlier: DeploymentSpec, _ cause: RolloutProgress.Cause) {
        var next = earlier
        if let spec { next.scale = spec.scale }
        replace(by: next, cause)
    }

    fileprivate mutating func pause() throws(DeploymentError) {
        guard !progress.isComplete else { throw .notNow("\(name) is complete: there is nothing to pause") }
        guard !progress.isPaused else { throw .notNow("\(name) is paused already") }
        progress.isPaused = true
    }

    fileprivate mutating func promote() throws(DeploymentError) {
        guard !progress.isComplete, (spec?.updatePolicy.canary ?? 0) > 0, !progress.isPromoted else {
            throw .notNow("\(name) has no canaries that wait")
        }
        progress.isPromoted = true
    }

    /// What a rollback to that revision brings back, nil for the last that stood; nil if there is none. Of several
    /// deployments of the revision, as with other environments, it is the last that stood, else the last. What stands
    /// was the same before it was restarted, and is not gone back to.
    public func rollbackTarget(_ revision: BundleDigest?) -> DeploymentSpec? {
        guard let revision else {
            guard let spec, progress.isComplete else { return lastStanding }
            return indexOfStanding(behind: spec).map { history[$0].spec }
        }
        let candidates = history.filter { $0.spec.revision == revision }
        return (candidates.first { $0.outcome == .stood } ?? candidates.first)?.spec
    }

    fileprivate mutating func rollBack(to revision: BundleDigest?) throws(DeploymentError) {
        guard let target = rollbackTarget(revision) else {
            throw .notNow(
                revision.map {
                    "\(name) does not remember the revision \($0.short): igropyr history shows which it does"
                }
                    ?? "\(name) has no earlier deployment that stood: deploy one")
        }
        guard let spec, progress.isComplete ? !spec.isRestart(of: target) : !spec.equals(target) else {
            throw .notNow(
                "\(name) is at the revision \(target.revision.short) already: igropyr rollback \(name) --to REVISION "
                    + "goes to another one that igropyr history shows")
        }
        goBack(to: target, .rollback)
    }
}
