internal import IgropyrOrchestration
internal import IgropyrUV

/// Commands that operators run beside workers.
extension WorkerSupervisor {
    /// At a time.
    static let commandLimit = 16

    /// - Returns: nil if no such worker is here.
    func exec(_ request: ExecRequest) -> CommandRun? {
        let present = workers.values.filter {
            $0.slot.application == request.application && (request.index ?? $0.slot.index) == $0.slot.index
                && !$0.isUnwanted
        }
        guard let worker = present.min(by: { ($0.preference, $0.slot) < ($1.preference, $1.slot) }) else { return nil }
        let id = worker.id
        return CommandRun(on: loop) { [self] in try await makeStart(request.command, beside: id, of: $0) }
    }

    private func makeStart(_ words: [String], beside id: Int, of run: CommandRun) async throws -> CommandRun.Start {
        guard commands.count < Self.commandLimit else {
            throw ExecError("the host runs \(commands.count) commands already, which is the limit")
        }
        guard let worker = workers[id], !isHandingOver else { throw ExecError("the worker has gone meanwhile") }
        commands[ObjectIdentifier(run)] = run
        let preparation: Preparation
        do {
            preparation = try await prepare(worker, keys: []).get()
        } catch {
            commands[ObjectIdentifier(run)] = nil
            idleWaiters.wake()
            throw error
        }
        let launcher = configuration.settings.launcher
        let command = ChildProcess.Command(
            executable: launcher[0],
            arguments: launcher.dropFirst() + Launcher.arguments(for: words, diesWithParent: true),
            environment: preparation.surroundings(of: worker).environment(configuration.settings),
            directory: preparation.folder, hasOwnSession: true)
        return CommandRun.Start(command: command) { await self.didEnd(run, in: preparation.place) }
    }

    /// Within some seconds.
    func stopCommands() async {
        for run in commands.values { await run.stop() }
        await idleWaiters.wait { !commands.isEmpty }
    }

    private func didEnd(_ run: CommandRun, in place: WorkerPlace) {
        commands[ObjectIdentifier(run)] = nil
        idleWaiters.wake()
        leave(place)
    }
}

/// Why a command was not started, for people.
private struct ExecError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

extension Worker {
    /// Smaller is better to run a command beside.
    fileprivate var preference: Int { supervision.recordState == .ready ? 0 : 1 }
}
