internal import IgropyrOrchestration
internal import IgropyrUV
internal import Logging

/// What the control API asks.
extension HostAgent {
    func reply(
        to operation: ControlOperation.Message, _ parameter: String, _ body: [UInt8], by caller: Caller
    ) async -> ControlReply {
        guard let parts else { return refusalWithoutParts }
        if !isRunning, operation.isChange {
            return .refusal(503, "the node \(name) is stopping: use another one")
        }
        if operation.isDecision, let reason = await parts.replica.refusalOfDecisions { return .refusal(409, reason) }
        switch operation {
        case .status: return .json(await status(parts))
        case .state: return .json(await parts.replica.state.snapshot)
        case .applications: return .json(await status(parts).applications)
        case .remove: return await remove(parameter, by: caller, parts)
        case .history: return await history(parameter, parts)
        case .audit: return await audit(parts)
        case .top: return await top(parts)
        case .change:
            return await decoding(body) { (request: ChangeRequest) in
                await self.change(parameter, request, by: caller, parts)
            }
        case .schedule:
            return await decoding(body) { (request: SchedulingRequest) in
                await self.schedule(request, by: caller, parts)
            }
        case .plan: return await decoding(body) { (request: PlanRequest) in await self.plan(request, parts) }
        case .exchange:
            return await decoding(body) { (message: StateExchange) in .json(await parts.replica.answer(message)) }
        case .deploy:
            return await decoding(body) { (request: DeployRequest) in
                await self.deploy(request, by: caller, parts)
            }
        case .members: return .json(await members(parts))
        case .coordinates: return .json(await coordinates(parts))
        case .sendEvent: return await decoding(body) { (event: EventMessage) in await self.send(event, parts) }
        case .forceLeave:
            return await decoding(body) { (message: ForceLeaveMessage) in
                await self.forceLeave(message, by: caller, parts)
            }
        case .leave:
            await note(.leave, by: caller, nil, nil, detail: "", parts)
            return leave()
        case .setSecret:
            return await decoding(body) { (request: SecretRequest) in await self.setSecret(request, by: caller, parts) }
        case .admission: return await admit(parameter, by: caller, parts)
        case .certificates: return await certificates(parts)
        case .setCertificate:
            return await decoding(body) { (request: CertificateRequest) in
                await self.setCertificate(request, by: caller, parts)
            }
        case .removeCertificate: return await removeCertificate(parameter, by: caller, parts)
        }
    }

    var refusalWithoutParts: ControlReply {
        .refusal(503, "the node \(name) is starting or stopping: ask another one")
    }

    /// The whole cluster, as this node sees it; nil unless running.
    public var status: StatusReport? {
        get async {
            guard let parts else { return nil }
            return await status(parts)
        }
    }

    private func status(_ parts: Parts) async -> StatusReport {
        let snapshot = await parts.replica.snapshot
        let name = name
        let membership = parts.membership
        let refusals = StatusReport.Refusals(
            gossipMessages: await membership.counters.refusedMessages + membership.refusedDiscoveries,
            controlConnections: parts.control.refusedConnections)
        return await loop.offload { StatusReport(snapshot, host: name, refusals: refusals) }
    }

    private func decoding<Message: Decodable>(
        _ body: [UInt8], _ answer: (Message) async -> ControlReply
    ) async -> ControlReply {
        do { return await answer(try message(in: body)) } catch { return error }
    }

    /// - Throws: the refusal of one that cannot be read.
    func message<Message: Decodable>(in body: [UInt8]) throws(ControlReply) -> Message {
        do {
            let version = try JSON.decode(Envelope.self, from: body).version
            guard version == ControlAPI.version else {
                throw ControlReply.refusal(
                    400, "the message's version is \(version), this node knows \(ControlAPI.version): use one edition")
            }
            return try JSON.decode(Message.self, from: body)
        } catch let refusal as ControlReply {
            throw refusal
        } catch { throw .refusal(400, "the message cannot be read: \(JSON.cause(of: error))") }
    }

    private struct Envelope: Decodable {
        var version: Int
    }

    /// Lets a host in that has shown a token. Who has shown a key of the cluster instead may have them all, as by the
    /// gossip.
    private func admit(_ token: String, by caller: Caller, _ parts: Parts) async -> ControlReply {
        guard !keys.present.isEmpty else {
            return .refusal(409, "this cluster has no key: a host needs no token to join it")
        }
        let present = await parts.membership.keys  // Before others may have heard of a change.
        let answer = AdmissionAnswer(keys: present.compactMap(ClusterKey.init(bytes:)).map(\.base64))
        guard !token.isEmpty else { return .json(answer) }
        configuration.logger.notice(
            "gave the cluster's key to a host with a join token",
            metadata: ["token": "\(token)", "address": "\(caller.address ?? "")"])
        await note(.admit, by: caller, nil, nil, detail: token, parts)
        return .json(answer)
    }

    // MARK: - Applications

    private func deploy(_ request: DeployRequest, by caller: Caller, _ parts: Parts) async -> ControlReply {
        guard !request.spec.isEncrypted || !keys.present.isEmpty else { return Self.refusalOfEncryption }
        if let refusal = await checkBundle(of: request.spec, parts) { return refusal }
        if let refusal = await checkPlace(of: request.spec, request.name, parts) { return refusal }
        let spec: DeploymentSpec
        do { spec = try await sealed(request, parts) } catch { return .refusal(422, error.description) }
        do {
            var deployment = try await parts.replica.deploy(request.name, spec)
            // Whoever deploys what is quarantined wants it tried again.
            if await quarantine(of: request.name, parts) != nil {
                deployment = try await parts.replica.change(request.name, .retry)
            }
            configuration.logger.info(
                "deployed an application",
                metadata: ["application": "\(request.name)", "revision": "\(request.spec.revision.short)"])
            await note(.deploy, by: caller, request.name, deployment, detail: "", parts)
            return .json(deployment)
        } catch { return Self.refusal(error) }
    }

    static let refusalOfEncryption = ControlReply.refusal(
        422, "--encrypt needs a cluster with a key (igropyr keygen): workers' keys are made from it")

    func checkBundle(of spec: DeploymentSpec, _ parts: Parts) async -> ControlReply? {
        let revision = spec.revision
        guard bundles.whole.contains(revision) else {
            let snapshot = await parts.replica.snapshot
            guard snapshot.state.holders(of: revision, alive: snapshot.alive).isEmpty else { return nil }
            return .refusal(409, "no host holds the bundle \(revision.short): upload it to this node first")
        }
        guard case .executable(let entry) = spec.kind, bundles.misfits[revision] == nil else { return nil }
        let (store, kind) = (parts.store, spec.kind)
        let isProgram = await loop.offload {
            guard let folder = try? store.extracted(revision) else { return false }
            return (try? kind.entry(in: folder)) != nil
        }
        return isProgram ? nil : .refusal(422, "the bundle \(revision.short) holds no program \"\(entry)\"")
    }

    /// One that no host fits would stop all that runs, with no failure that brings it back: a mistyped tag is enough.
    func checkPlace(of spec: DeploymentSpec, _ name: ApplicationName, _ parts: Parts) async -> ControlReply? {
        let snapshot = await parts.replica.snapshot
        guard let present = snapshot.state.liveDeployments[name] else { return nil }
        return await loop.offload {
            // Of this application alone: the others matter only where a host is full, and would take most of the time.
            let hosts = snapshot.state.placementHosts(alive: snapshot.alive)
            let before = Placement(deployments: [name: present], hosts: hosts).count(of: name)
            let after = Placement(deployments: [name: spec], hosts: hosts)
            guard before > 0, after.count(of: name) == 0, let shortfall = after.shortfalls[name] else { return nil }
            return .refusal(409, "the workers of \(name), \(before) of them, would all stop: \(shortfall)")
        }
    }

    private func remove(_ text: String, by caller: Caller, _ parts: Parts) async -> ControlReply {
        do {
            let tombstone = try await parts.replica.remove(ApplicationName(text))
            await note(.remove, by: caller, tombstone.name, tombstone, detail: "", parts)
            return .json(tombstone)
        } catch let error as DeploymentError {
            return Self.refusal(error)
        } catch { return .refusal(404, "\(error)") }
    }
}
