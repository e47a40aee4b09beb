import IgropyrHashing
import IgropyrTime

extension Application {
    /// What keeps a worker from being chosen.
    private enum Standard {
        /// It is well, has room, and the key of this hash is its to have.
        case good(UInt64)
        /// It is well, but may have as much to do as its share allows.
        case busy
        /// Anything goes that was not tried yet.
        case any
    }

    /// Whom to ask: a worker that was not tried yet. First one that is well and has room under the bound; then the
    /// least loaded of those that are well; then any, so that there is always somebody while there are workers.
    ///
    /// - Returns: nil if all were tried or are full.
    func choose(
        forHash hash: UInt64, except tried: [WorkerState], at now: Timestamp,
        using random: inout some RandomNumberGenerator
    ) -> WorkerState? {
        guard !workers.isEmpty, traffic.inFlight < settings.requestsInFlight ?? .max else { return nil }
        // Here, and not where a worker is looked at: what changes nothing lets the table be read in place.
        if hasTrouble { noteTime(now) }
        switch settings.policy {
        case .consistentHash:
            if let worker = preferred(forHash: hash, { admits($0, .good(hash), except: tried, at: now) }) {
                return worker
            }
        case .randomTwo:
            if let worker = betterOfTwo(except: tried, at: now, using: &random) { return worker }
        case .leastRequest: break
        }
        return leastLoaded(.busy, except: tried, at: now, startingAt: startOfScan(hash, &random))
            ?? preferred(forHash: hash) { admits($0, .any, except: tried, at: now) }
    }

    func hasOthers(than tried: [WorkerState]) -> Bool {
        workers.contains { worker in !tried.contains { $0 === worker } }
    }

    // MARK: - What a worker must be

    private func admits(
        _ position: Int, _ standard: Standard, except tried: [WorkerState], at now: Timestamp
    ) -> Bool {
        let worker = workers[position]
        guard worker.inFlight < settings.requestsPerWorker else { return false }
        if !tried.isEmpty, tried.contains(where: { $0 === worker }) { return false }
        switch standard {
        case .good(let hash): return isBelowBound(position) && isWell(position, forHash: hash, at: now)
        case .busy: return isWell(position, forHash: nil, at: now)
        case .any: return true
        }
    }

    private func isWell(_ position: Int, forHash hash: UInt64?, at now: Timestamp) -> Bool {
        guard hasTrouble else { return true }
        let worker = workers[position]
        guard let trouble = worker.health.trouble else {
            return hash.map { hasShare(position, inKeyOf: $0) } ?? true
        }
        if isPanicking, trouble == .fails { return true }
        return worker.health.admits(at: now)
    }

    /// Consistent hashing with bounded loads (Mirrokni, Thorup and Zadimoghaddam, SODA 2018): nobody has more than
    /// `loadBound` times its share of all that is under way. Rounded down, but a few requests are never too many: a key
    /// does not leave its worker while nobody has much to do.
    private func isBelowBound(_ position: Int) -> Bool {
        guard let bound = settings.loadBound else { return true }
        let inFlight = workers[position].inFlight
        if inFlight < Self.alwaysAllowed { return true }
        let share = Double(upstreams.weights[position]) / Double(upstreams.totalWeight)
        return Double(inFlight + 1) <= bound * Double(traffic.inFlight + 1) * share
    }

    /// Requests that a worker may have at a time on one loop, whatever the others have.
    static let alwaysAllowed = 4

    // MARK: - Orders

    /// The first suitable one in the order of the key's own list; behind that list comes everybody else, in an order of
    /// the key's own, so that those who have too much do not all pass it on to the same neighbour.
    private func preferred(forHash hash: UInt64, _ isSuitable: (Int) -> Bool) -> WorkerState? {
        let table = upstreams.table
        for rank in 0..<table.depth {
            guard let position = table.position(forHash: hash, rank: rank) else { break }
            if isSuitable(position) { return workers[position] }
        }
        guard table.depth < workers.count else { return nil }
        var walk = Walk(over: workers.count, seed: hash)
        for _ in workers.indices {
            let position = walk.next()
            if isSuitable(position) { return workers[position] }
        }
        return nil
    }

    private func betterOfTwo(
        except tried: [WorkerState], at now: Timestamp, using random: inout some RandomNumberGenerator
    ) -> WorkerState? {
        let first = anyPosition(&random)
        let second = anyPosition(&random)
        let (better, other) = isLessLoaded(second, than: first) ? (second, first) : (first, second)
        for position in [better, other] where admits(position, .busy, except: tried, at: now) {
            return workers[position]
        }
        return nil
    }

    private func leastLoaded(
        _ standard: Standard, except tried: [WorkerState], at now: Timestamp, startingAt start: Int
    ) -> WorkerState? {
        var best: Int?
        for offset in workers.indices {
            let position = (start + offset) % workers.count
            if let best, !isLessLoaded(position, than: best) { continue }
            if admits(position, standard, except: tried, at: now) { best = position }
        }
        return best.map { workers[$0] }
    }

    /// Even with the request in question, as weights go: a small one that has nothing to do is else preferred to a
    /// great one that has little.
    private func isLessLoaded(_ left: Int, than right: Int) -> Bool {
        (workers[left].inFlight + 1) * Int(weights[right]) <= workers[right].inFlight * Int(weights[left])
    }

    /// Each as often as its weight is great.
    private func anyPosition(_ random: inout some RandomNumberGenerator) -> Int {
        guard let ends = weightEnds else { return Int.random(in: workers.indices, using: &random) }
        let drawn = Int.random(in: 0..<ends[ends.count - 1], using: &random)
        var (low, high) = (0, ends.count - 1)
        while low < high {
            let middle = (low + high) / 2
            if ends[middle] > drawn { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// Among equals a scan takes the first: so begin anywhere, but for keys, which have a place of their own.
    private func startOfScan(_ hash: UInt64, _ random: inout some RandomNumberGenerator) -> Int {
        settings.policy == .consistentHash ? Int(hash % UInt64(workers.count)) : anyPosition(&random)
    }
}

/// Visits each of some positions once, in an order that depends on a seed.
private struct Walk {
    private let count: Int
    private let stride: Int
    private var position: Int

    init(over count: Int, seed: UInt64) {
        let mixed = Rendezvous.draw(key: seed, member: 0)
        self.count = count
        position = Int(mixed % UInt64(count))
        var stride = Int((mixed >> 32) % UInt64(count)) | 1
        while Self.greatestCommonDivisor(stride, count) != 1 { stride += 2 }
        self.stride = stride
    }

    mutating func next() -> Int {
        defer { position = (position + stride) % count }
        return position
    }

    private static func greatestCommonDivisor(_ left: Int, _ right: Int) -> Int {
        right == 0 ? left : greatestCommonDivisor(right, left % right)
    }
}
