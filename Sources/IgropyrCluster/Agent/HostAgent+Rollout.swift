internal import IgropyrOrchestration
internal import Logging

/// What this host makes of rollouts; how, ``Rollout`` says.
extension HostAgent {
    /// Tells of decisions that were made here and do not count, for others that were made elsewhere at the same time or
    /// on the other side of a partition: the operator was told that they do.
    func tellOverruled(_ parts: Parts) async {
        let overruled = await parts.replica.takeOverruled()
        guard !overruled.isEmpty else { return }
        let deployments = await parts.replica.state.deployments  // A snapshot from before may have what was overruled.
        for former in overruled {
            let present = deployments[former.name]
            let origin = present.map { ", decided at \($0.timestamp.origin)" } ?? ""
            let detail =
                "\(Self.words(for: former)), by \(Self.words(for: present))\(origin), where this was not known: "
                + "decide again if that is not meant"
            configuration.logger.warning(
                "a decision made here counts no more",
                metadata: [
                    "application": "\(former.name)", "reason": "\(detail)",
                ])
            await note(.overruled, by: nil, former.name, former, detail: detail, parts)
        }
    }

    private static func words(for deployment: Deployment?) -> String {
        guard let deployment, let spec = deployment.spec else { return "its removal" }
        return "revision \(spec.revision.short) with \(spec.scale)" + (deployment.progress.isPaused ? ", paused" : "")
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
