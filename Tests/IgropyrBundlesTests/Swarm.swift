import IgropyrBundles
import IgropyrTime
import TestSupport

/// Hosts that fetch one bundle from the first of them and from each other, in virtual time: each sends one chunk after
/// the other at the rate of its uplink, hears of its peers' chunks every 200 ms, and may be faulty.
struct Swarm {
    enum Fault { case dead, corrupt }
    private enum Event {
        case poll(host: Int, peer: Int)
        case answer(host: Int, peer: Int, chunk: Int)
        case tick(host: Int)

        var host: Int {
            switch self {
            case .poll(let host, _), .answer(let host, _, _), .tick(let host): host
            }
        }
    }

    static let chunkBytes = 65_536
    private static let latency = Duration.milliseconds(1)
    private static let pollInterval = Duration.milliseconds(200)

    let chunkCount: Int
    /// Bytes a second, of each host.
    let uplink: Int
    private let faults: [Int: Fault]
    private(set) var schedules: [ChunkSchedule<Int>]
    private(set) var sentChunks: [Int]
    /// When each host had all.
    private(set) var ends: [Int: Timestamp] = [0: .zero]
    private var now = Timestamp.zero
    private var uplinkFree: [Timestamp]
    private var events: [(time: Timestamp, event: Event)] = []
    private var random: SplitMix

    /// `held`: what a fetching host has from the start.
    init(
        hosts: Int, chunks: Int, uplink: Int, faults: [Int: Fault] = [:], held: [Int: ChunkSet] = [:], seed: UInt64
    ) {
        chunkCount = chunks
        self.uplink = uplink
        self.faults = faults
        random = SplitMix(seed: seed)
        schedules = (0...hosts).map { host in
            ChunkSchedule(held: host == 0 ? .all(of: chunks) : held[host] ?? ChunkSet(capacity: chunks))
        }
        sentChunks = Array(repeating: 0, count: hosts + 1)
        uplinkFree = Array(repeating: .zero, count: hosts + 1)
        for host in 1...hosts {
            for peer in 0...hosts where peer != host {
                let start = Timestamp.milliseconds(Int64(random.next() % 200))
                events.append((start, .poll(host: host, peer: peer)))
            }
            events.append((.zero, .tick(host: host)))
        }
    }

    /// Runs until all that are in order have all, or for an hour.
    mutating func run() {
        let working = schedules.indices.filter { faults[$0] == nil }
        while ends.count < working.count, now < .seconds(3600) {
            guard let next = events.indices.min(by: { events[$0].time < events[$1].time }) else { return }
            let (time, event) = events.remove(at: next)
            now = time
            handle(event)
        }
    }

    private mutating func handle(_ event: Event) {
        switch event {
        case .poll(let host, let peer):
            guard !schedules[host].isComplete, schedules[host].isWorthAsking(peer) else { return }
            if faults[peer] != .dead {
                let claims = faults[peer] == .corrupt ? ChunkSet.all(of: chunkCount) : schedules[peer].held
                schedules[host].setHoldings(claims, of: peer)
            }
            events.append((now.advanced(by: Self.pollInterval), .poll(host: host, peer: peer)))
        case .answer(let host, let peer, let chunk):
            if faults[peer] == .corrupt {
                schedules[host].handleFailure(.corrupt, of: chunk, at: peer, now)
            } else {
                schedules[host].handleChunk(chunk, from: peer, at: now)
            }
        case .tick(let host):
            events.append((now.advanced(by: .milliseconds(100)), .tick(host: host)))
        }
        ask(event.host)
    }

    private mutating func ask(_ host: Int) {
        guard !schedules[host].isComplete else {
            if ends[host] == nil { ends[host] = now }
            return
        }
        for request in schedules[host].nextRequests(at: now, using: &random) {
            let peer = request.peer
            let start = max(now.advanced(by: Self.latency), uplinkFree[peer])
            uplinkFree[peer] = start.advanced(by: .seconds(Double(Self.chunkBytes) / Double(uplink)))
            sentChunks[peer] += 1
            events.append(
                (
                    uplinkFree[peer].advanced(by: Self.latency),
                    .answer(host: host, peer: peer, chunk: request.chunk)
                ))
        }
    }
}
