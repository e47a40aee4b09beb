import IgropyrHashing
import IgropyrOrchestration
import IgropyrTime
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrBalancer

/// Ten workers on a host each, and requests that come and stay.
private struct Load {
    let application: Application
    var random = SplitMix(seed: 7)

    init(
        _ policy: BalancingPolicy, weights: [UInt16] = Array(repeating: 1, count: 10),
        _ change: (inout ApplicationSettings) -> Void = { _ in }
    ) {
        var settings = ApplicationSettings()
        settings.policy = policy
        change(&settings)
        let members = weights.enumerated().map { index, weight in
            let address = SocketAddress("10.0.0.\(index + 1)", port: 80)!
            return Upstreams.Worker(id: "a/\(index)/0", host: "\(index)", address: address, weight: weight)
        }
        let upstreams = Upstreams(name: ApplicationName(rawValue: "a")!, members, settings)
        application = Application(
            upstreams, upstreams.members.map { WorkerState($0, nil) },
            traffic: ApplicationTraffic(), at: .zero)
    }

    /// Whom a request goes to; it stays there.
    @discardableResult
    mutating func add(_ key: String, except tried: [WorkerState] = [], at now: Timestamp = .zero) -> WorkerState? {
        let worker = application.choose(forHash: XXH64.hash(key), except: tried, at: now, using: &random)
        if let worker { application.traffic.enter(worker) }
        return worker
    }

    func end(_ worker: WorkerState) { application.traffic.leave(worker) }
    var loads: [Int] { application.workers.map(\.inFlight) }
    var busiestToMean: Double { Double(loads.max() ?? 0) * Double(loads.count) / Double(loads.reduce(0, +)) }
}

@Test func `a key stays with its worker while nobody has much to do`() {
    var load = Load(.consistentHash)
    let owner = load.add("/hot")
    for _ in 1..<Application.alwaysAllowed { #expect(load.add("/hot") === owner) }
    #expect(load.add("/hot") !== owner)
}

@Test(arguments: [64, 640, 1000]) func `no worker gets more than its bound, though half of all ask for one key`(
    concurrency: Int
) {
    var load = Load(.consistentHash)
    for index in 0..<concurrency { load.add(index.isMultiple(of: 2) ? "/hot" : "/\(index)") }
    #expect(load.busiestToMean <= 1.25)
    // Whoever is not hot is where it would be anyway, unless its worker is full.
    var calm = Load(.consistentHash, { $0.loadBound = nil })
    let owner = calm.add("/calm")
    let index = calm.application.workers.firstIndex { $0 === owner }!
    if Double(load.loads[index] + 1) <= 1.25 * Double(concurrency + 1) / 10 {
        #expect(load.add("/calm") === load.application.workers[index])
    }
}

@Test(arguments: [64, 640])
func `while half of all ask for one key, another key leaves its worker only if that is full`(
    concurrency: Int
) throws {
    var load = Load(.consistentHash)
    let table = load.application.upstreams.table
    var running: [WorkerState] = []
    var left = 0
    for index in 0..<20 * concurrency {
        if running.count == concurrency {
            load.end(running.remove(at: Int.random(in: running.indices, using: &load.random)))
        }
        let key = index.isMultiple(of: 2) ? "/hot" : "/\(index)"
        let position = try #require(table.position(forHash: XXH64.hash(key), rank: 0))
        let owner = load.application.workers[position]
        let isFull = Double(owner.inFlight + 1) > 1.25 * Double(running.count + 1) / 10
        let chosen = load.add(key)
        let worker = try #require(chosen)
        running.append(worker)
        #expect(worker === owner || isFull && owner.inFlight >= Application.alwaysAllowed)
        if worker !== owner, key != "/hot" { left += 1 }
        if running.count == concurrency { #expect(load.busiestToMean <= 1.25) }
    }
    // Only the few workers that the hot key goes to are ever full.
    #expect(left < 10 * concurrency / 2, "of \(10 * concurrency)")
}

@Test func `without a bound a key never leaves its worker`() {
    var load = Load(.consistentHash, { $0.loadBound = nil })
    for _ in 0..<500 { load.add("/hot") }
    #expect(load.loads.max() == 500)
}

@Test func `what a full worker cannot take does not all fall upon one neighbour`() throws {
    var load = Load(.consistentHash)
    for _ in 0..<400 { load.add("/hot") }
    #expect(load.busiestToMean <= 1.25)
    // Two hot keys go their own ways.
    var first = Load(.consistentHash, { $0.loadBound = 3 })
    var second = first
    second = Load(.consistentHash, { $0.loadBound = 3 })
    for _ in 0..<60 { first.add("/a") }
    for _ in 0..<60 { second.add("/b") }
    #expect(first.loads != second.loads)
}

@Test(arguments: [BalancingPolicy.leastRequest, .randomTwo]) func `load goes where there is least of it`(
    policy: BalancingPolicy
) {
    var load = Load(policy)
    for _ in 0..<1000 { load.add("/same") }
    #expect(load.busiestToMean < (policy == .leastRequest ? 1.01 : 1.1))
}

@Test(arguments: [BalancingPolicy.leastRequest, .randomTwo, .consistentHash]) func `load is in proportion to weights`(
    policy: BalancingPolicy
) throws {
    var load = Load(policy, weights: [1, 1, 2, 4])
    for index in 0..<800 { load.add("/\(index)") }
    for (count, share) in zip(load.loads, [100.0, 100, 200, 400]) {
        #expect(abs(Double(count) - share) <= 0.27 * share, "\(load.loads)")
    }
}

@Test(arguments: [BalancingPolicy.leastRequest, .randomTwo], [1, 2, 8])
func `requests are in proportion to weights, however few there are at a time`(
    policy: BalancingPolicy, concurrency: Int
) throws {
    var load = Load(policy, weights: [1, 1, 2, 12])
    var counts = [0, 0, 0, 0]
    var running: [WorkerState] = []
    for _ in 0..<8000 {
        if running.count == concurrency {
            load.end(running.remove(at: Int.random(in: running.indices, using: &load.random)))
        }
        let chosen = load.add("/same")
        let worker = try #require(chosen)
        running.append(worker)
        let position = load.application.workers.firstIndex { $0 === worker }
        counts[try #require(position)] += 1
    }
    for (count, due) in zip(counts, [500, 500, 1000, 6000]) {
        #expect(abs(count - due) <= due / 2, "\(counts)")
    }
}

@Test func `a worker that is full gets nothing, and when all are, nobody is chosen`() throws {
    var load = Load(.consistentHash, weights: [1, 1], { $0.requestsPerWorker = 10 })
    for _ in 0..<20 { load.add("/hot") }
    #expect(load.loads == [10, 10])
    #expect(load.add("/hot") == nil)
    load.end(load.application.workers[1])
    #expect(load.add("/hot") === load.application.workers[1])
}

@Test(arguments: [BalancingPolicy.leastRequest, .randomTwo, .consistentHash])
func `a worker that refuses gets nothing while there are others, and everything if there are none`(
    policy: BalancingPolicy
) {
    var load = Load(policy, weights: [1, 1, 1])
    for worker in load.application.workers.dropFirst() {
        _ = worker.health.noteRefusal(at: .zero)
        load.application.healthDidChange(at: .zero)
    }
    for index in 0..<50 { load.add("/\(index)") }
    #expect(load.loads == [50, 0, 0])
    #expect(load.add("/x", except: [load.application.workers[0]]) !== load.application.workers[0])
}

@Test(arguments: [BalancingPolicy.leastRequest, .randomTwo, .consistentHash])
func `a worker that is well again gets its share back by the steps of a newcomer, and from nobody who is well`(
    policy: BalancingPolicy
) {
    var load = Load(policy, weights: [1, 1, 1, 1], { $0.loadBound = nil })
    let workers = load.application.workers
    func taken(at now: Timestamp) -> [Int] {
        let before = load.loads
        let chosen = (0..<400).map { load.add("/\($0)", at: now) }
        defer { for worker in chosen.compactMap(\.self) { load.end(worker) } }
        return zip(load.loads, before).map { $0 - $1 }
    }
    let whole = taken(at: .zero)
    _ = workers[0].health.noteRefusal(at: .zero)
    load.application.healthDidChange(at: .zero)
    var last = taken(at: .zero)
    #expect(last[0] == 0)
    _ = workers[0].health.noteConnection()
    workers[0].health.noteReturn(at: .seconds(1))
    load.application.healthDidChange(at: .seconds(1))
    for (milliseconds, quarters) in [(1000, 1), (1500, 2), (2000, 3), (2500, 4), (3000, 4), (3000, 4)] {
        let now = taken(at: .milliseconds(Int64(milliseconds)))
        // By key, a part of its own; by load, that in proportion to its weight.
        let due = policy == .consistentHash ? whole[0] * quarters / 4 : 400 * quarters / (12 + quarters)
        #expect(abs(now[0] - due) <= 20, "\(milliseconds): \(now) of \(whole)")
        if policy == .consistentHash { #expect(zip(now, last).dropFirst().allSatisfy { $0 <= $1 }) }
        last = now
    }
    #expect(!load.application.hasTrouble)
}

@Test(arguments: [BalancingPolicy.leastRequest, .randomTwo, .consistentHash])
func `workers that are well again all at once share all there is at once`(policy: BalancingPolicy) {
    var load = Load(policy, weights: [1, 1, 1], { $0.loadBound = nil })
    for worker in load.application.workers {
        _ = worker.health.noteRefusal(at: .zero)
        _ = worker.health.noteConnection()
        worker.health.noteReturn(at: .seconds(1))
    }
    load.application.healthDidChange(at: .seconds(1))
    for index in 0..<300 { load.add("/\(index)", at: .seconds(1)) }
    #expect(load.busiestToMean < 1.2)
}

@Test func `too many workers that fail are rather a fault of the observer's: all are used again`() {
    var load = Load(.consistentHash, weights: [1, 1, 1], { $0.loadBound = nil })
    let workers = load.application.workers
    func fail(_ count: Int) {
        for worker in workers.prefix(count) { _ = worker.health.noteFailure(limit: 1, at: .zero) }
        load.application.healthDidChange(at: .zero)
    }
    fail(1)
    for index in 0..<30 { load.add("/\(index)") }
    #expect(!load.application.isPanicking && load.loads[0] == 0)
    fail(2)
    for index in 0..<60 { load.add("/\(index)") }
    #expect(load.application.isPanicking && load.loads.allSatisfy { $0 > 0 })
}

@Test func `the walk behind a key's list comes to everybody`() {
    for count in [4, 5, 6, 9, 10, 12, 30, 100] {
        var load = Load(.consistentHash, weights: Array(repeating: 1, count: count), { $0.loadBound = nil })
        var tried: [WorkerState] = []
        while let worker = load.add("/key", except: tried) { tried.append(worker) }
        #expect(Set(tried.map(ObjectIdentifier.init)).count == count)
    }
}
