internal import IgropyrBundles
internal import IgropyrOrchestration
internal import IgropyrTime
internal import IgropyrUV

/// One bundle on its way, from several hosts at once: carries out what ``ChunkSchedule`` decides.
extension BundleFetcher {
    private typealias Schedule = ChunkSchedule<HostName>

    private enum Event: Sendable {
        case tick
        /// What a peer has; nil if it told nothing.
        case holdings(HostName, ChunkSet?)
        case chunk(Schedule.Request, Arrival)
    }

    private enum Arrival: Sendable {
        case stored
        case failed(Schedule.Failure)
        /// This host cannot keep it.
        case unstorable(BundleError)
    }

    private static let tickInterval = Duration.milliseconds(100)
    /// Between two questions to a host what it has by now.
    private static let questionInterval = Duration.milliseconds(200)
    /// Between two looks at who might have something.
    private static let lookInterval = Duration.seconds(2)
    /// How long nobody may have anything, and how long nothing may come, before this attempt has failed.
    private static let stuckPatience = Duration.seconds(5)
    private static let patience = Duration.seconds(120)

    /// Returns the bytes that came, once all chunks are here.
    func transfer(_ index: BundleIndex, held stock: ChunkSet) async throws -> Int64 {
        held[index.digest] = stock
        var state = TransferState(schedule: Schedule(held: stock), at: loop.now)
        return try await withThrowingTaskGroup(of: Event.self) { group in
            defer { group.cancelAll() }
            group.addTask(executorPreference: loop) { .tick }
            while !state.schedule.isComplete {
                try Task.checkCancellation()
                for request in state.requests(at: loop.now) {
                    group.addTask(executorPreference: loop) { [peers = state.peers] in
                        .chunk(request, await self.get(request, of: index, from: peers[request.peer]))
                    }
                }
                switch try await group.next() ?? .tick {
                case .tick:
                    for (peer, address) in try await news(&state, index) {
                        group.addTask(executorPreference: loop) {
                            await self.ask(peer, at: address, of: index, after: .zero)
                        }
                    }
                    group.addTask(executorPreference: loop) {
                        try await Task.sleep(for: Self.tickInterval)
                        return .tick
                    }
                case .holdings(let peer, let holdings):
                    if let holdings { state.schedule.setHoldings(holdings, of: peer) }
                    guard state.schedule.isWorthAsking(peer), let address = state.peers[peer] else { continue }
                    group.addTask(executorPreference: loop) {
                        await self.ask(peer, at: address, of: index, after: Self.questionInterval)
                    }
                case .chunk(let request, let arrival):
                    try state.handle(arrival, of: request, index, at: loop.now)
                    held[index.digest] = state.schedule.held
                }
            }
            return state.fetchedBytes
        }
    }

    /// The hosts that have come to be worth asking.
    private func news(
        _ state: inout TransferState, _ index: BundleIndex
    ) async throws(FetchFailure) -> [(HostName, SocketAddress)] {
        let silence = state.lastArrival.duration(to: loop.now)
        if silence > Self.patience || state.schedule.isStuck && silence > Self.stuckPatience {
            let missing = state.schedule.held.inverted.count
            throw FetchFailure(
                description: "no host that is alive gives \(missing) of the \(index.distinctChunks.count) chunks of "
                    + "the bundle \(index.digest.short): deploy it again")
        }
        guard loop.now >= state.nextLook else { return [] }
        state.nextLook = loop.now.advanced(by: Self.lookInterval)
        var fresh: [(HostName, SocketAddress)] = []
        for (name, address) in await hosts(with: index.digest) where state.peers[name] == nil {
            state.peers[name] = address
            fresh.append((name, address))
        }
        return fresh
    }

    private func ask(
        _ peer: HostName, at address: SocketAddress, of index: BundleIndex, after pause: Duration
    ) async -> Event {
        try? await Task.sleep(for: pause)
        return .holdings(peer, try? await client.holdings(of: index, at: address))
    }

    private func get(
        _ request: Schedule.Request, of index: BundleIndex, from address: SocketAddress?
    ) async -> Arrival {
        guard let address else { return .failed(.unreachable) }
        let (store, chunk) = (store, index.distinctChunks[request.chunk])
        do {
            guard let bytes = try await client.chunk(chunk.digest, of: index.digest, at: address) else {
                return .failed(.missing)
            }
            try await loop.offload { () throws(BundleError) in try store.write(bytes, as: chunk.digest) }
            return .stored
        } catch let error as BundleError {
            return error.code == .digestMismatch ? .failed(.corrupt) : .unstorable(error)
        } catch {
            return .failed(.unreachable)
        }
    }

    private struct TransferState {
        var schedule: Schedule
        var peers: [HostName: SocketAddress] = [:]
        var fetchedBytes: Int64 = 0
        var nextLook: Timestamp
        var lastArrival: Timestamp
        private var random = SystemRandomNumberGenerator()

        init(schedule: Schedule, at now: Timestamp) {
            self.schedule = schedule
            nextLook = now
            lastArrival = now
        }

        mutating func requests(at now: Timestamp) -> [Schedule.Request] {
            schedule.nextRequests(at: now, using: &random)
        }

        mutating func handle(
            _ arrival: Arrival, of request: Schedule.Request, _ index: BundleIndex, at now: Timestamp
        ) throws(BundleError) {
            switch arrival {
            case .stored:
                lastArrival = now
                fetchedBytes += Int64(index.distinctChunks[request.chunk].byteCount)
                schedule.handleChunk(request.chunk, from: request.peer, at: now)
            case .failed(let failure): schedule.handleFailure(failure, of: request.chunk, at: request.peer, now)
            case .unstorable(let error): throw error
            }
        }
    }
}
