internal import IgropyrUV
internal import Logging

/// Keeps an agent's ``WorkerLedger`` on the disk as it is now, without waiting for that. Stays on its loop.
final class LedgerFile {
    private let folder: String
    private let logger: Logger
    private let loop: EventLoop
    private let writes: CoalescedWork
    private var written: WorkerLedger?

    init(in folder: String, logger: Logger, on loop: EventLoop) {
        self.folder = folder
        self.logger = logger
        self.loop = loop
        writes = CoalescedWork(on: loop)
    }

    func read() async -> WorkerLedger? {
        let folder = folder
        return await loop.offload { WorkerLedger.read(from: folder) }
    }

    /// Soon; `ledger` is asked for it then.
    func write(_ ledger: @escaping () -> WorkerLedger) {
        writes.request { [self] in await write(ledger()) }
    }

    /// The file may have gone.
    func forget() { written = nil }

    /// Nothing runs, and nothing will.
    func remove() {
        let folder = folder
        writes.request { [self] in
            written = nil
            await loop.offload { WorkerLedger.remove(from: folder) }
        }
    }

    /// Waits until what was to be done is.
    func finish() async { await writes.finish() }

    private func write(_ ledger: WorkerLedger) async {
        guard ledger != written else { return }
        let folder = folder
        written = ledger
        do {
            try await loop.offload { try ledger.write(to: folder) }
        } catch {
            written = nil
            logger.warning(
                "cannot write workers.json: the next agent would start all anew", metadata: ["reason": "\(error)"])
        }
    }
}
