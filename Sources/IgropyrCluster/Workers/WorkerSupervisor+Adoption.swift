internal import IgropyrOrchestration
internal import IgropyrUV
internal import Logging

/// How an agent goes on with the workers of the one before it, which was replaced or died.
extension WorkerSupervisor {
    /// What runs at present.
    var ledger: WorkerLedger {
        let entries = workers.values.sorted { $0.id < $1.id }.compactMap { worker -> WorkerLedger.Entry? in
            guard let process = worker.process.child?.identity else { return nil }
            return WorkerLedger.Entry(
                slot: worker.slot, spec: worker.spec, process: process, memory: worker.supervision.memory,
                startedAt: worker.process.startedAt, port: worker.address.port, socket: worker.socket?.inode,
                place: worker.place)
        }
        return WorkerLedger(notifications: notificationName, workers: entries, keeper: keeper.identity)
    }

    /// Where those workers tell their state, if there are any.
    func openNotifications(_ ledger: WorkerLedger?) throws(UVError) -> NotificationSocket {
        if let ledger {
            notificationName = ledger.notifications
            if let descriptor = configuration.handover.descriptors["notifications"] {
                return try NotificationSocket(on: loop, owning: descriptor, name: notificationName) { self.receive($0) }
            }
            do throws(UVError) {
                return try NotificationSocket(on: loop, name: notificationName) { self.receive($0) }
            } catch {
                configuration.logger.error(
                    "cannot hear workers that run already; they will be replaced", metadata: ["reason": "\(error)"])
                notificationName = NotificationSocket.uniqueName()
            }
        }
        return try NotificationSocket(on: loop, name: notificationName) { self.receive($0) }
    }

    /// Takes over the processes that still run, and ends those of which only their dead agent knew.
    func adopt(_ ledger: WorkerLedger) async {
        let mayBeHeard = ledger.notifications == notificationName
        for entry in ledger.workers {
            do throws(UVError) {
                try adopt(entry, mayBeHeard: mayBeHeard)
            } catch {
                configuration.logger.warning(
                    "a worker has ended while no agent was there",
                    metadata: ["worker": "\(entry.slot)", "reason": "\(error)"])
            }
        }
        let known = Set(workers.values.compactMap { $0.process.child?.pid } + [keeper.identity?.pid].compactMap(\.self))
        await loop.offload { WorkerLedger.killStrays(telling: ledger.notifications, except: known) }
    }

    /// - Throws: if its process is gone.
    private func adopt(_ entry: WorkerLedger.Entry, mayBeHeard: Bool) throws(UVError) {
        let address = SocketAddress(host: configuration.address.host, port: entry.port)
        let worker = try makeWorker(entry.slot, entry.spec, takeSocket(entry, address), address)
        do throws(UVError) {
            try worker.process.adopt(entry.process, entry.memory, startedAt: entry.startedAt)
        } catch {
            remove(worker)
            throw error
        }
        worker.place = entry.place
        // Without them it goes on, too.
        try? adoptKeys(for: worker, isReady: entry.memory.isReady)
        try? startChecks(of: worker, isReady: entry.memory.isReady)
        configuration.logger.info(
            "adopted a worker", metadata: ["worker": "\(entry.slot)", "pid": "\(entry.process.pid)"])
        if !mayBeHeard { stop(id: worker.id) }
    }

    /// Handed over, or taken from the worker, which has it, too. Else the slot gets another when the worker ends; its
    /// port cannot be opened once more beside it, as half of the connections would wait where nobody accepts.
    private func takeSocket(_ entry: WorkerLedger.Entry, _ address: SocketAddress) -> SlotSocket? {
        guard let inode = entry.socket else { return nil }
        if let present = workers.values.compactMap(\.socket).first(where: { $0.inode == inode }) { return present }
        if let descriptor = configuration.handover.descriptors[SlotSocket.handoverName(inode)] {
            return SlotSocket(owning: descriptor, at: address)
        }
        do throws(UVError) {
            return SlotSocket(owning: try ListeningSocket.take(inode: inode, from: entry.process), at: address)
        } catch {
            guard error.code != UVError.noSuchProcess else { return nil }  // Who adopts it says so.
            configuration.logger.notice(
                "a worker's socket cannot be taken over: connections will be refused when it ends",
                metadata: ["worker": "\(entry.slot)", "reason": "\(error)"])
            return nil
        }
    }

    /// What this program leaves to its successor in this process, having written down the rest. Nothing is started from
    /// here on.
    func handOver() async throws(UVError) -> Handover {
        isHandingOver = true
        await stopCommands()
        ledgerFile.write { self.ledger }
        await ledgerFile.finish()
        var handover = Handover()
        handover.descriptors["notifications"] = try notifications?.duplicate()
        for socket in workers.values.compactMap(\.socket) {
            guard let name = socket.inode.map(SlotSocket.handoverName), handover.descriptors[name] == nil else {
                continue
            }
            handover.descriptors[name] = try Descriptor.duplicate(socket.descriptor)
        }
        return handover
    }
}
