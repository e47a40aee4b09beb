internal import IgropyrOrchestration
internal import IgropyrUV
internal import Logging

/// What operators ask beside deploying.
extension HostAgent {
    func change(_ text: String, _ request: ChangeRequest, by caller: Caller, _ parts: Parts) async -> ControlReply {
        guard let name = ApplicationName(rawValue: text) else { return .refusal(404, "\"\(text)\" is no application") }
        if case .rollback(let revision) = request.change,
            let spec = await parts.replica.state.deployments[name]?.rollbackTarget(revision)
        {
            if let refusal = await checkBundle(of: spec, parts) { return refusal }
            if let refusal = await checkPlace(of: spec, name, parts) { return refusal }
        }
        do {
            if request.change == .retry { try await checkRetry(of: name, parts) }
            let deployment = try await parts.replica.change(name, request.change)
            let detail = deployment.spec.map { "scale \($0.scale)" } ?? ""
            await note(.init(request.change), by: caller, name, deployment, detail: detail, parts)
            return .json(deployment)
        } catch {
            return Self.refusal(error)
        }
    }

    /// What runs is not to be replaced by mistake.
    private func checkRetry(of name: ApplicationName, _ parts: Parts) async throws(DeploymentError) {
        let isDeployed = await parts.replica.state.liveDeployments[name] != nil
        guard isDeployed, await quarantine(of: name, parts) == nil else { return }
        throw .notNow("\(name) is in no quarantine: igropyr restart \(name) replaces its workers")
    }

    func quarantine(of name: ApplicationName, _ parts: Parts) async -> Quarantine? {
        let snapshot = await parts.replica.snapshot
        let placement = snapshot.state.placement(alive: snapshot.alive)
        return snapshot.state.quarantines(alive: snapshot.alive, placement: placement)[name]
    }

    static func refusal(_ error: DeploymentError) -> ControlReply {
        switch error {
        case .routeTaken, .notNow: .refusal(409, error.description)
        case .unknownApplication, .unknownHost: .refusal(404, error.description)
        case .refused(let refusal): .refusal(refusal.code == .tooMany ? 409 : 422, error.description)
        }
    }

    /// The application's entry, with what was deployed before.
    func history(_ text: String, _ parts: Parts) async -> ControlReply {
        guard let name = ApplicationName(rawValue: text) else { return .refusal(404, "\"\(text)\" is no application") }
        let state = await parts.replica.state
        guard let deployment = state.deployments[name], !deployment.isTombstone else {
            return Self.refusal(state.unknown(name))
        }
        return .json(deployment)
    }

    // MARK: - Hosts

    func schedule(_ request: SchedulingRequest, by caller: Caller, _ parts: Parts) async -> ControlReply {
        let folder = parts.folder
        do {
            try await loop.offload { try request.scheduling.write(to: folder) }
        } catch { return .refusal(500, "the decision cannot be saved: \(error)") }
        scheduling = request.scheduling
        configuration.logger.notice("an operator decided on workers", metadata: ["scheduling": "\(scheduling)"])
        await note(.init(scheduling), by: caller, nil, nil, detail: "", parts)
        await publish(parts)
        setNeedsUpdate()
        return .json(DoneMessage())
    }

    func plan(_ request: PlanRequest, _ parts: Parts) async -> ControlReply {
        let snapshot = await parts.replica.snapshot
        let name = name
        if request.isCheck == true, let reason = await parts.replica.refusalOfDecisions {
            return .refusal(409, reason)
        }
        if let spec = request.spec, let application = request.application {
            guard !spec.isEncrypted || !keys.present.isEmpty else { return Self.refusalOfEncryption }
            let present = snapshot.state.liveDeployments[application]
            do throws(SecretError) {
                // Clients of earlier editions do not say what they will give.
                if let given = request.secrets {
                    try checkSecrets(of: spec, application, given: given, present: present)
                }
            } catch { return .refusal(422, error.description) }
            if let refusal = await checkPlace(of: spec, application, parts) { return refusal }
        }
        do {
            return .json(
                try await loop.offload { () throws(DeploymentError) in
                    try PlanReport(request, snapshot, host: name)
                })
        } catch { return Self.refusal(error) }
    }

    // MARK: - Workers

    func top(_ parts: Parts) async -> ControlReply {
        let records = await parts.supervisor.records()
        let (name, cores) = (name, Int(Self.cores))
        return await loop.offload {
            .json(TopReport(host: name, cores: cores, workers: records.compactMap { TopReport.Worker($0) }))
        }
    }

    func logLines(_ request: LogsRequest, _ parts: Parts) async throws -> ControlAnswer {
        let folder = "\(parts.folder.path)/logs"
        let logs = await loop.offload { WorkerLog.files(of: request.application, in: folder) }
            .filter { request.index == nil || $0.index == request.index }
        guard !logs.isEmpty else {
            let worker = request.index.map { "worker \($0)" } ?? "any worker"
            throw ControlReply.refusal(404, "\(name) has no log of \(worker) of \(request.application)")
        }
        let tail = LogTail(
            host: name, logs: logs, lines: max(0, request.lines ?? LogTail.defaultLines),
            isFollowing: request.isFollowing, loop: loop)
        return .lines(first: [], rest: tail, last: nil)
    }

    func execLines(_ request: ExecRequest, by caller: Caller, _ parts: Parts) async throws -> ControlAnswer {
        guard !request.command.isEmpty, request.command.count <= ExecRequest.wordLimit,
            !request.command.contains(where: { $0.utf8.contains(0) }), request.command[0] != ""
        else {
            throw ControlReply.refusal(422, "a command has 1 to \(ExecRequest.wordLimit) words without NUL")
        }
        guard let run = await parts.supervisor.exec(request) else {
            let worker = request.index.map { "worker \($0)" } ?? "worker"
            throw ControlReply.refusal(404, "\(name) has no \(worker) of \(request.application): igropyr status")
        }
        let detail = String(request.command.joined(separator: " ").prefix(500))
        await note(.exec, by: caller, request.application, nil, detail: detail, parts)
        return .lines(first: [], rest: run.lines, last: nil)
    }

    // MARK: - Audit

    /// Enters who changed what. That it cannot be written down does not keep anybody from mending things.
    func note(
        _ action: AuditEntry.Action, by caller: Caller?, _ application: ApplicationName?, _ deployment: Deployment?,
        detail: String, _ parts: Parts
    ) async {
        let entry = AuditEntry(
            time: .now, host: name, action: action, user: caller?.user, address: caller?.address,
            application: application, revision: deployment?.spec?.revision, detail: detail)
        let log = AuditLog(in: parts.folder)
        do {
            try await loop.offload { try log.append(entry) }
        } catch {
            configuration.logger.error("cannot write the audit log", metadata: ["reason": "\(error)"])
        }
    }

    func audit(_ parts: Parts) async -> ControlReply {
        let (log, name) = (AuditLog(in: parts.folder), name)
        return await loop.offload { .json(AuditReport(host: name, entries: log.entries())) }
    }
}

extension AuditEntry.Action {
    fileprivate init(_ change: ReplicatedState.Change) {
        self =
            switch change {
            case .scale: .scale
            case .restart: .restart
            case .retry: .retry
            case .pause: .pause
            case .resume: .resume
            case .promote: .promote
            case .rollback: .rollback
            }
    }

    fileprivate init(_ scheduling: Scheduling) {
        self =
            switch scheduling {
            case .active: .uncordon
            case .cordoned: .cordon
            case .drained: .drain
            }
    }
}
