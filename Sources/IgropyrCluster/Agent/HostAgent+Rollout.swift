internal import IgropyrOrchestration
internal import Logging

/// What this host makes of rollouts; how, ``Rollout`` says.
extension HostAgent {
    /// Tells of decisions that were made here and do not count, for others that were made elsewhere at the same time or on the
    /// other side of a partition: the operator was told that they do.
    func tellOverruled(_ parts: Parts) async {
        let overruled = await parts.replica.takeOverruled()
        guard !overruled.isEmpty else { return }
        let deployments = await parts.replica.state.deployments  // A snapshot from before may have what was overruled.
        for former in overruled {
            let present = deployments[former.name]
            let winner = present?.spec.map { "revision \($0.revision.short)" } ?? "its removal"
            let origin = present.map { ", decided at \($0.timestamp.origin)" } ?? ""
            let detail = "by \(winner)\(origin), where this was not known: decide again if that is not meant"
            configuration.logger.warning(
                "a decision made here counts no more",
                metadata: [
                    "application": "\(former.name)", "decision": "\(former.spec?.revision.short ?? "removal")",
                    "reason": "\(detail)",
                ])
            await note(.overruled, by: nil, former.name, former, detail: detail, parts)
        }
    }

    /// Enters for all what has come of the rollouts that are under way.
    func conclude(_ rollouts: Rollouts, _ parts: Parts) async {
        for (name, rollout) in rollouts.underWay.sorted(by: { $0.key < $1.key }) {
            guard let verdict = rollout.verdict,
                let deployment = await parts.replica.conclude(name, verdict, of: rollout.timestamp)
            else { continue }
            let revision = Logger.MetadataValue(stringLiteral: deployment.spec?.revision.short ?? "")
            switch verdict {
            case .complete:
                configuration.logger.info(
                    "a rollout is complete", metadata: ["application": "\(name)", "revision": revision])
            case .failed(let reason):
                configuration.logger.warning(
                    "a rollout has failed and is rolled back",
                    metadata: ["application": "\(name)", "reason": "\(reason)", "revision": revision])
                await note(.automaticRollback, by: nil, name, deployment, detail: reason, parts)
            }
        }
    }
}
