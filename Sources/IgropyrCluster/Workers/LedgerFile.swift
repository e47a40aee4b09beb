internal import IgropyrUV
internal import Logging

/// Keeps an agent's ``WorkerLedger`` on the disk as it is now, without waiting for that. Stays on its loop.
final class LedgerFile {
    private let folder: String
    private let logger: Logger
    private let loop: EventLoop
    /// What is to be written next; asked when it is.
    private var next: (() -> WorkerLedger)?
    private var written: WorkerLedger?
    private var writing: Task<Void, Never>?

    init(in folder: String, logger: Logger, on loop: EventLoop) {
        self.folder = folder
        self.logger = logger
        self.loop = loop
    }

    func read() async -> WorkerLedger? {
        let folder = folder
        return await loop.offload { WorkerLedger.read(from: folder) }
    }

    /// Soon, and once for all changes until then. One without workers is removed.
    func write(_ ledger: @escaping () -> WorkerLedger) {
        next = ledger
        guard writing == nil else { return }
        writing = loop.startLocally { [self] in await writeAll() }
    }

    /// Waits until what was to be written is.
    func finish() async {
        while let writing { await writing.value }
    }

    private func writeAll() async {
        while let make = next {
            next = nil
            let ledger = make()
            if ledger != written { await write(ledger) }
        }
        writing = nil
    }

    private func write(_ ledger: WorkerLedger) async {
        let folder = folder
        written = ledger
        do {
            try await loop.offload {
                if ledger.workers.isEmpty { return WorkerLedger.remove(from: folder) }
                try ledger.write(to: folder)
            }
        } catch {
            written = nil
            logger.warning(
                "cannot write workers.json: the next agent would start all anew", metadata: ["error": "\(error)"])
        }
    }
}
