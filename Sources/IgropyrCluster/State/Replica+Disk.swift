internal import IgropyrOrchestration
internal import IgropyrUV
internal import Logging

/// The state in a file, if there is a folder for it.
extension Replica {
    func load() async {
        guard let folder = configuration.folder else { return }
        do {
            let read = try await loop.offload { try StateFile.read(from: folder) }
            if case .damaged(let path, let reason) = read {
                configuration.logger.warning(
                    "the saved state cannot be read and was set aside; this host begins anew",
                    metadata: ["file": "\(path)", "reason": "\(reason)"])
            }
            guard case .snapshot(let snapshot) = read else { return }
            let change = state.restore(snapshot, at: .now, clock: &clock)
            for refusal in change.refusals {
                configuration.logger.warning("refused a part of the saved state", metadata: ["reason": "\(refusal)"])
            }
        } catch { storageProblem = "\(error)" }
    }

    /// Soon, and once for all changes until then.
    func save() {
        if let folder = configuration.folder { saves.request { await self.write(to: folder) } }
    }

    /// In some seconds, and once for all changes until then, as many as there are while many workers come and go. By
    /// then the folder of one that has stopped may be another's.
    func saveRecords() {
        guard configuration.folder != nil else { return }
        hasUnsavedRecords = true
        guard !isStopped else { return }
        recordSaves.request { if self.hasUnsavedRecords { self.save() } }
    }

    private func write(to folder: DataFolder) async {
        let snapshot = state.snapshot
        hasUnsavedRecords = false
        let wasWell = storageProblem == nil
        defer { if wasWell != (storageProblem == nil) { didChange() } }  // The host's record tells of it.
        do {
            try await loop.offload { try StateFile.write(snapshot, to: folder) }
            storageProblem = nil
        } catch {
            if wasWell {
                configuration.logger.error("cannot save the state; trying again", metadata: ["reason": "\(error)"])
            }
            storageProblem = "\(error)"
        }
    }
}
