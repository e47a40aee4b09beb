import IgropyrBundles
import IgropyrTime
import TestSupport
import Testing

private func set(_ numbers: some Sequence<Int>, of capacity: Int) -> ChunkSet {
    var set = ChunkSet(capacity: capacity)
    for number in numbers { set.insert(number) }
    return set
}

@Suite struct `The schedule of chunks` {
    var random = SplitMix(seed: 1)

    @Test mutating func `asks for each missing chunk once, of those that have it`() {
        var schedule = ChunkSchedule<Int>(held: set(0..<10, of: 20))
        schedule.setHoldings(set(0..<15, of: 20), of: 1)
        schedule.setHoldings(set(15..<20, of: 20), of: 2)
        var asked: [Int] = []
        while !schedule.isComplete {
            let requests = schedule.nextRequests(at: .zero, using: &random)
            guard !requests.isEmpty else { break }
            for request in requests {
                #expect(request.peer == (request.chunk < 15 ? 1 : 2))
                asked.append(request.chunk)
                schedule.handleChunk(request.chunk, from: request.peer, at: .milliseconds(1))
            }
        }
        #expect(asked.sorted() == Array(10..<20) && schedule.isComplete)
    }

    @Test mutating func `prefers the rarest`() {
        var schedule = ChunkSchedule<Int>(held: ChunkSet(capacity: 50))
        schedule.setHoldings(.all(of: 50), of: 0)
        for peer in 1...3 { schedule.setHoldings(set((0..<50).filter { $0 != 33 }, of: 50), of: peer) }
        let requests = schedule.nextRequests(at: .zero, using: &random)
        #expect(requests.contains { $0.peer == 0 && $0.chunk == 33 })
    }

    @Test mutating func `a peer's window follows its pace`() {
        var schedule = ChunkSchedule<Int>(held: ChunkSet(capacity: 1000))
        schedule.setHoldings(.all(of: 1000), of: 0)
        var now = Timestamp.zero
        var requests = schedule.nextRequests(at: now, using: &random)
        #expect(requests.count == 2)
        for _ in 0..<20 {
            for request in requests { schedule.handleChunk(request.chunk, from: 0, at: now) }
            requests = schedule.nextRequests(at: now, using: &random)
        }
        #expect(requests.count == 8)
        for _ in 0..<20 {
            now = now.advanced(by: .seconds(2))
            for request in requests { schedule.handleChunk(request.chunk, from: 0, at: now) }
            requests = schedule.nextRequests(at: now, using: &random)
        }
        #expect(requests.count == 1)
    }

    @Test mutating func `a peer that fails rests, one that lies is left, one that lacks a chunk is asked for others`() {
        var schedule = ChunkSchedule<Int>(held: ChunkSet(capacity: 8))
        schedule.setHoldings(.all(of: 8), of: 0)
        let first = schedule.nextRequests(at: .zero, using: &random)
        for request in first { schedule.handleFailure(.unreachable, of: request.chunk, at: 0, .zero) }
        #expect(schedule.nextRequests(at: .milliseconds(399), using: &random).isEmpty)
        let second = schedule.nextRequests(at: .milliseconds(400), using: &random)
        #expect(second.count == 1 && !schedule.isStuck)
        schedule.handleFailure(.missing, of: second[0].chunk, at: 0, .milliseconds(400))
        let third = schedule.nextRequests(at: .milliseconds(400), using: &random)
        #expect(third.count == 1 && third[0].chunk != second[0].chunk)
        schedule.handleFailure(.corrupt, of: third[0].chunk, at: 0, .milliseconds(400))
        #expect(schedule.isStuck && !schedule.isWorthAsking(0))
        schedule.setHoldings(.all(of: 8), of: 0)
        #expect(schedule.nextRequests(at: .seconds(1000), using: &random).isEmpty, "a promise makes no liar honest")
    }

    @Test mutating func `what keeps waiting is asked of one more`() {
        var schedule = ChunkSchedule<Int>(held: set(1..<4, of: 4))
        schedule.setHoldings(.all(of: 4), of: 1)
        #expect(schedule.nextRequests(at: .zero, using: &random).map(\.peer) == [1])
        schedule.setHoldings(.all(of: 4), of: 2)
        #expect(schedule.nextRequests(at: .milliseconds(1999), using: &random).isEmpty)
        let late = schedule.nextRequests(at: .seconds(2), using: &random)
        #expect(late.map(\.peer) == [2] && late.map(\.chunk) == [0])
        #expect(schedule.nextRequests(at: .seconds(9), using: &random).isEmpty)
        schedule.handleChunk(0, from: 2, at: .seconds(3))
        #expect(schedule.isComplete)
        schedule.handleFailure(.unreachable, of: 0, at: 1, .seconds(4))
        #expect(schedule.nextRequests(at: .seconds(60), using: &random).isEmpty)
    }

    @Test mutating func `keeps to its limit of requests`() {
        var schedule = ChunkSchedule<Int>(held: ChunkSet(capacity: 1000))
        for peer in 0..<100 { schedule.setHoldings(.all(of: 1000), of: peer) }
        let requests = schedule.nextRequests(at: .zero, using: &random)
        #expect(requests.count == 32 && Set(requests.map(\.chunk)).count == 32)
    }
}

@Suite struct `Ten hosts with one uplink` {
    /// 10 MB at 10 Mbit/s: 8 s for one host.
    private func swarm(
        hosts: Int, faults: [Int: Swarm.Fault] = [:], held: [Int: ChunkSet] = [:], seed: UInt64
    ) -> Swarm {
        var swarm = Swarm(hosts: hosts, chunks: 160, uplink: 1_250_000, faults: faults, held: held, seed: seed)
        swarm.run()
        return swarm
    }

    @Test(arguments: 1...5 as ClosedRange<UInt64>)
    func `take at most one and a half times as long as one`(seed: UInt64) throws {
        let alone = try #require(swarm(hosts: 1, seed: seed).ends[1])
        let ten = swarm(hosts: 10, seed: seed)
        #expect(ten.ends.count == 11)
        let last = try #require(ten.ends.values.max())
        let ratio = Double(last.nanoseconds) / Double(alone.nanoseconds)
        #expect(ratio <= 1.5, "seed \(seed): \(ratio) times, the first sent \(ten.sentChunks[0]) of 160 chunks")
    }

    @Test(arguments: 1...3 as ClosedRange<UInt64>)
    func `go on without the dead, and leave liars at their first lie`(seed: UInt64) {
        let swarm = swarm(hosts: 10, faults: [4: .dead, 7: .corrupt], seed: seed)
        #expect(swarm.ends.count == 9, "seed \(seed)")
        #expect(swarm.sentChunks[4] == 0 && swarm.sentChunks[7] <= 9 * 2)
    }

    @Test func `are not sent what they have`() {
        let swarm = swarm(hosts: 1, held: [1: set(0..<140, of: 160)], seed: 1)
        #expect(swarm.sentChunks[0] == 20 && swarm.ends[1] != nil)
    }
}
