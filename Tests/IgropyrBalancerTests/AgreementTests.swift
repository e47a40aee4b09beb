import IgropyrHashing
import IgropyrOrchestration
import IgropyrTime
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrBalancer

/// A balancer's view of workers that come, go and change their weight: what it makes its snapshots of.
private struct Observer {
    private(set) var snapshot: UpstreamSnapshot?
    private var slowStart = SlowStart(duration: .seconds(2))
    private var workers: [TrafficRules.FixedWorker] = []
    let kind: KeyTable.Kind
    let application: ApplicationName

    init(_ kind: KeyTable.Kind) throws {
        self.kind = kind
        application = try ApplicationName("a")
    }

    /// Hears who is there, in whatever order.
    mutating func hear(of workers: [TrafficRules.FixedWorker], at now: Timestamp) {
        self.workers = workers
        slowStart.note(Set(workers.map(\.address.description)), at: now)
        publish(at: now)
    }

    /// What a balancer does at each ``SlowStart/deadline(after:)``.
    mutating func publish(at now: Timestamp) {
        var rules = TrafficRules()
        rules.fixedWorkers[application] = workers
        rules.defaultApplication = application
        var settings = ApplicationSettings()
        settings.keyTable = kind
        rules.settings[application] = settings
        snapshot = UpstreamSnapshot(nil, rules: rules, reusing: snapshot) { _, id in slowStart.step(of: id, at: now) }
    }

    /// Whom each of some keys belongs to.
    var owners: [SocketAddress?] {
        guard let upstreams = snapshot?.applications.first else { return [] }
        return (0..<300).map { key in
            upstreams.table.position(forHash: XXH64.hash("/\(key)"), rank: 0).map { upstreams.members[$0].address }
        }
    }
}

/// Who is there, as it changes.
private struct Crowd {
    var workers: [TrafficRules.FixedWorker] = []
    var random: SplitMix
    private var born: UInt8 = 0

    init(seed: UInt64) {
        random = SplitMix(seed: seed)
        for _ in 0..<4 { join() }
    }

    mutating func join() {
        born += 1
        workers.append(.init(SocketAddress("10.0.0.\(born)", port: 80)!, weight: .random(in: 1...4, using: &random)))
    }

    mutating func change() {
        let place = Int.random(in: workers.indices, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0 where workers.count > 2: workers.remove(at: place)
        case 1: workers[place].weight = .random(in: 1...4, using: &random)
        default: join()
        }
    }

    mutating func inSomeOrder() -> [TrafficRules.FixedWorker] { workers.shuffled(using: &random) }
}

@Test(arguments: KeyTable.Kind.allCases, [1])
func `balancers that know the same workers agree on every key, whatever they knew before`(
    kind: KeyTable.Kind, seed: UInt64
) throws {
    var crowd = Crowd(seed: seed)
    var (first, second) = (try Observer(kind), try Observer(kind))
    first.hear(of: crowd.inSomeOrder(), at: .zero)
    second.hear(of: crowd.inSomeOrder(), at: .zero)
    #expect(first.owners == second.owners, "before")
    for step in 1...3 {
        crowd.change()
        let now = Timestamp.seconds(Int64(step) * 10)
        first.hear(of: crowd.inSomeOrder(), at: now)
        second.hear(of: crowd.inSomeOrder(), at: now)
        #expect(first.owners == second.owners, "step \(step), at once")
        for part in 1...4 {
            let time = now.advanced(by: .milliseconds(500 * part))
            first.publish(at: time)
            second.publish(at: time)
            #expect(first.owners == second.owners, "step \(step), part \(part) of a slow start")
        }
        // One that has only just started knows nothing of what was.
        var third = try Observer(kind)
        third.hear(of: crowd.inSomeOrder(), at: now.advanced(by: .seconds(3)))
        #expect(third.owners == first.owners, "step \(step), afterwards")
    }
}

@Test(arguments: [50, 300, 3000])
func `while a newcomer starts slowly, balancers differ in its own keys only, and no longer than the news came apart`(
    apart: Int64
) throws {
    var crowd = Crowd(seed: 4)
    var (first, second) = (try Observer(.rendezvous), try Observer(.rendezvous))
    for observer in [0, 1] {
        let workers = crowd.inSomeOrder()
        if observer == 0 { first.hear(of: workers, at: .zero) } else { second.hear(of: workers, at: .zero) }
    }
    let before = first.owners
    crowd.join()
    let newcomer = crowd.workers.last!.address
    let arrival = Timestamp.seconds(10)
    first.hear(of: crowd.inSomeOrder(), at: arrival)
    var differences: [Int64] = []
    for time in stride(from: Int64(0), to: apart + 2500, by: 50) {
        let now = arrival.advanced(by: .milliseconds(time))
        if time == apart { second.hear(of: crowd.inSomeOrder(), at: now) }
        if time > apart { second.publish(at: now) }
        first.publish(at: now)
        let pairs = Array(zip(zip(first.owners, second.owners), before))
        guard pairs.contains(where: { $0.0.0 != $0.0.1 }) else { continue }
        differences.append(time)
        let isBounded = pairs.allSatisfy { owners, old in
            owners.0 == owners.1 || Set([owners.0, owners.1]) == [newcomer, old]
        }
        #expect(isBounded, "at \(time) ms")
    }
    #expect(differences.allSatisfy { $0 < apart + 2000 })
    #expect(first.owners == second.owners)
    // Between the steps of the one and the other, and not beside.
    let isBetweenSteps = differences.allSatisfy { time in (0..<4).contains { (0..<apart).contains(time - $0 * 500) } }
    #expect(isBetweenSteps)
}
