internal import IgropyrOrchestration
internal import Logging

/// What this host makes of rollouts; how, ``Rollout`` says.
extension HostAgent {
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
