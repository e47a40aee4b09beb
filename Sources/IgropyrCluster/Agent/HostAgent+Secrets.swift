internal import IgropyrOrchestration
internal import Logging

/// Values that only workers see: sealed by the node that is given them, opened by the nodes that start workers.
extension HostAgent {
    private var sealing: SecretSealing { SecretSealing(keys: keys.forSecrets.withLock { $0 }) }

    /// The spec with a value for each secret: one that came along, else the one that the application has.
    func sealed(_ request: DeployRequest, _ parts: Parts) async throws(SecretError) -> DeploymentSpec {
        var spec = request.spec
        let deployed = await parts.replica.state.liveDeployments[request.name]
        try checkSecrets(of: spec, request.name, given: Set((request.secrets ?? [:]).keys), present: deployed)
        let present = deployed?.secrets ?? [:]
        for name in spec.secrets.keys.sorted() {
            if let value = request.secrets?[name] {
                spec.secrets[name]?.value = try sealing.seal(Array(value), name, of: request.name)
            } else {
                spec.secrets[name]?.value = present[name]?.value
            }
        }
        return spec
    }

    /// - Throws: That a secret has no value, that one was `given` a value that the application does not have, or that
    ///   there is no key to encrypt values by.
    func checkSecrets(
        of spec: DeploymentSpec, _ name: ApplicationName, given: Set<String>, present: DeploymentSpec?
    ) throws(SecretError) {
        guard given.isEmpty || !keys.present.isEmpty else { throw .noKey }
        for secret in spec.secrets.keys.sorted() where !given.contains(secret) {
            guard present?.secrets[secret]?.value != nil else { throw .missing(secret, name) }
        }
        if let unknown = given.sorted().first(where: { spec.secrets[$0] == nil }) { throw .unknown(unknown, name) }
    }

    func setSecret(_ request: SecretRequest, by caller: Caller, _ parts: Parts) async -> ControlReply {
        do {
            let state = await parts.replica.state
            guard let spec = state.liveDeployments[request.application] else {
                throw state.unknown(request.application)
            }
            guard spec.secrets[request.name] != nil else {
                throw SecretError.unknown(request.name, request.application)
            }
            let value = try sealing.seal(Array(request.value), request.name, of: request.application)
            let name = request.name
            _ = try await parts.replica.change(request.application) { $0.secrets[name]?.value = value }
            configuration.logger.info(
                "set a secret", metadata: ["application": "\(request.application)", "name": "\(request.name)"])
            await note(.secret, by: caller, request.application, nil, detail: "set \(name)", parts)
            return .json(DoneMessage())
        } catch let error as DeploymentError {
            return Self.refusal(error)
        } catch { return .refusal(422, "\(error)") }
    }

    /// After a change of the cluster's key, the first of the nodes that are alive sees to it that what is under an
    /// older one is not lost with that.
    func resealSecrets(_ snapshot: Replica.Snapshot, _ parts: Parts) async {
        guard snapshot.state.hosts.keys.filter({ snapshot.alive.contains($0) }).min() == name else { return }
        let sealing = sealing
        for application in snapshot.state.liveDeployments.keys {
            await parts.replica.resealSecrets(of: application, by: sealing)
        }
        await parts.replica.resealCertificates(by: certificateSealing)
    }
}
