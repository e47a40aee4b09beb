import IgropyrOrchestration
import Testing

/// Two sides of a partition that know the same deployment at first.
private struct Sides {
    var here = Side("a")
    var there = Side("b")

    init() throws {
        _ = try here.state.deploy("shop", spec("a"), at: day, clock: &here.clock)
        for _ in 0..<3 { try here.change(.scale(to: .total(2)), after: 1) }
        meet()
    }

    /// What is told here of once both see each other again.
    @discardableResult
    mutating func meet() -> [Deployment] {
        let (mine, theirs) = (here.state.snapshot, there.state.snapshot)
        _ = there.state.apply(mine, at: day, clock: &there.clock)
        return here.state.apply(theirs, at: day, clock: &here.clock).overruled
    }
}

private struct Side {
    var state = ReplicatedState()
    var clock: HybridClock

    init(_ host: HostName) { clock = HybridClock(host: host) }

    mutating func change(_ change: ReplicatedState.Change, after seconds: Int64) throws {
        _ = try state.change("shop", change, at: day.advanced(byMilliseconds: seconds * 1000), clock: &clock)
    }

    mutating func deploy(_ digit: Character, after seconds: Int64) throws {
        _ = try state.deploy("shop", spec(digit), at: day.advanced(byMilliseconds: seconds * 1000), clock: &clock)
    }

    mutating func remove(after seconds: Int64) throws {
        _ = try state.remove("shop", at: day.advanced(byMilliseconds: seconds * 1000), clock: &clock)
    }

    /// As nodes do by themselves, after the cluster's key was changed.
    mutating func reseal(after seconds: Int64) {
        let box = SealedValue(version: "1", key: "new", box: "\(seconds)")
        _ = state.reseal("shop", at: day.advanced(byMilliseconds: seconds * 1000), clock: &clock) { _, _ in box }
    }
}

private typealias Decision = @Sendable (inout Side, Int64) throws -> Void

private let decisions: [(name: String, decide: Decision)] = [
    ("scale", { try $0.change(.scale(to: .total(3)), after: $1) }), ("deploy", { try $0.deploy("b", after: $1) }),
    ("pause", { try $0.change(.pause, after: $1) }), ("restart", { try $0.change(.restart, after: $1) }),
    ("remove", { try $0.remove(after: $1) }),
]

@Test func `of whatever is decided here and lost to a later decision that did not know it, is told`() throws {
    for lost in decisions {
        for later in decisions {
            var sides = try Sides()
            try lost.decide(&sides.here, 10)
            let mine = sides.here.state.deployments["shop"]
            try later.decide(&sides.there, 20)
            #expect(sides.meet() == [mine], "\(lost.name), then \(later.name)")
            #expect(sides.here.state == sides.there.state)
            #expect(sides.meet().isEmpty, "\(lost.name), then \(later.name): once")
        }
    }
}

@Test func `of two first deployments of one name the later counts, and of the other is told`() throws {
    var sides = try Sides()
    (sides.here, sides.there) = (Side("a"), Side("b"))
    try sides.here.deploy("b", after: 10)
    let mine = sides.here.state.deployments["shop"]
    try sides.there.deploy("c", after: 20)
    #expect(sides.meet() == [mine] && sides.here.state == sides.there.state)
}

@Test func `a decision of which nobody knew but one host survives what is none and comes later elsewhere`() throws {
    var sealed = spec("c")
    sealed.secrets = ["A": Secret(value: SealedValue(version: "1", key: "old", box: "x"))]
    for (name, decide) in decisions {
        var sides = try Sides()
        _ = try sides.here.state.deploy("shop", sealed, at: day, clock: &sides.here.clock)
        sides.meet()
        try decide(&sides.here, 10)
        let decided = try #require(sides.here.state.deployments["shop"])
        sides.there.reseal(after: 20)
        #expect(sides.meet().isEmpty, "\(name)")
        sides.meet()
        let entry = try #require(sides.there.state.deployments["shop"])
        #expect(entry.spec == decided.spec && entry.progress == decided.progress, "\(name)")
        #expect(entry.decisions == decided.decisions && sides.here.state == sides.there.state, "\(name)")
        let later = try sides.there.state.deploy(
            "shop", spec("d"), at: day.advanced(byMilliseconds: 30_000), clock: &sides.there.clock)
        sides.meet()
        #expect(sides.here.state.deployments["shop"] == later, "\(name)")
    }
}

@Test func `nor is it lost when so many were made since that the deployment of the others is not remembered`() throws {
    var sealed = spec("c")
    sealed.secrets = ["A": Secret(value: SealedValue(version: "1", key: "old", box: "x"))]
    for count in [1, StateLimits.decisions - 1, StateLimits.decisions, 30] {
        var sides = try Sides()
        _ = try sides.here.state.deploy("shop", sealed, at: day, clock: &sides.here.clock)
        sides.meet()
        for step in 1...count { try sides.here.change(.scale(to: .total(step + 3)), after: Int64(step)) }
        let decided = try #require(sides.here.state.deployments["shop"])
        sides.there.reseal(after: 100)
        #expect(sides.meet().isEmpty, "\(count)")
        sides.meet()
        #expect(sides.there.state.deployments["shop"]?.spec == decided.spec, "\(count)")
        #expect(sides.here.state == sides.there.state, "\(count)")
    }
}

/// Of two hosts that decided under clocks far ahead, and were set right one after the other.
@Test func `what was decided on a host that was set right stands when another is that had not heard of it`() throws {
    for count in [1, StateLimits.decisions + 2] {
        var sides = try Sides()
        let lead = 1000 * 3600 as Int64
        for step in 0..<count { try sides.here.change(.scale(to: .total(step + 3)), after: lead) }
        sides.there.state = sides.here.state
        amend(&sides.here, after: 100)
        try sides.here.deploy("d", after: 200)
        let decided = try #require(sides.here.state.deployments["shop"])
        amend(&sides.there, after: 300)
        #expect(sides.meet().isEmpty, "\(count)")
        sides.meet()
        #expect(sides.there.state.deployments["shop"]?.spec == decided.spec, "\(count)")
        #expect(sides.here.state.deployments == sides.there.state.deployments, "\(count)")

        // A partition after all that.
        try sides.here.change(.scale(to: .total(70)), after: 400)
        let mine = try #require(sides.here.state.deployments["shop"])
        try sides.there.change(.scale(to: .total(80)), after: 500)
        #expect(sides.meet() == [mine], "\(count)")
    }
}

private func amend(_ side: inout Side, after seconds: Int64) {
    let now = day.advanced(byMilliseconds: seconds * 1000)
    _ = side.state.publish(record(side.clock.host), epoch: day.milliseconds)
    #expect(side.state.amendTimes(at: now, clock: &side.clock) != nil)
}

@Test func `who knew a decision overrules nothing, however much was decided since`() throws {
    for count in [1, 5, 30] as [Int64] {
        var sides = try Sides()
        try sides.here.change(.scale(to: .total(3)), after: 10)
        sides.there.state = sides.here.state
        for step in 1...count { try sides.there.change(.scale(to: .total(Int(step) + 3)), after: 10 + step) }
        let latest = try #require(sides.there.state.deployments["shop"])
        #expect(sides.meet().isEmpty && latest.decisions.count <= StateLimits.decisions, "\(count)")
    }
}

@Test func `what wins here, what others decided, and what nobody decided is told of to nobody`() throws {
    var sides = try Sides()
    try sides.here.change(.scale(to: .total(3)), after: 20)
    try sides.there.change(.scale(to: .total(4)), after: 10)
    #expect(sides.meet().isEmpty, "it is told at the other side")

    sides = try Sides()
    var third = Side("c")
    third.state = sides.here.state
    try third.change(.scale(to: .total(9)), after: 10)
    sides.here.state = third.state
    try sides.there.change(.scale(to: .total(4)), after: 20)
    #expect(sides.meet().isEmpty, "the host where it was made tells")

    var sealed = spec("c")
    sealed.secrets = ["A": Secret(value: SealedValue(version: "1", key: "old", box: "x"))]
    sides = try Sides()
    _ = try sides.here.state.deploy("shop", sealed, at: day, clock: &sides.here.clock)
    sides.there.state = sides.here.state
    sides.here.reseal(after: 10)
    sides.there.reseal(after: 20)
    #expect(sides.meet().isEmpty, "all hosts put secrets under a new key, at about the same time")
}

@Test func `an entry follows itself, also once hosts have concluded something from it, or sealed it anew`() throws {
    var sealed = spec("c")
    sealed.secrets = ["A": Secret(value: SealedValue(version: "1", key: "old", box: "x"))]
    var sides = try Sides()
    let decided = try sides.here.state.deploy("shop", sealed, at: day, clock: &sides.here.clock)
    let concluded = sides.here.state.conclude("shop", .complete, of: decided.timestamp, by: "b", at: day)
    sides.here.reseal(after: 10)
    let entries = [decided, try #require(concluded), try #require(sides.here.state.deployments["shop"])]
    try sides.there.deploy("d", after: 20)
    let later = try #require(sides.there.state.deployments["shop"])
    for former in entries {
        #expect(entries.allSatisfy { $0.follows(former) } && !later.follows(former), "\(former.timestamp)")
    }
}

@Test func `an entry of an earlier edition, which remembers no decisions, counts as one that knew`() throws {
    var sides = try Sides()
    try sides.here.change(.scale(to: .total(3)), after: 10)
    try sides.there.change(.scale(to: .total(4)), after: 20)
    var theirs = try #require(sides.there.state.deployments["shop"])
    theirs.decisions = []
    let change = sides.here.state.apply(StateDelta(deployments: [theirs]), at: day, clock: &sides.here.clock)
    #expect(change.deployments == ["shop"] && change.overruled.isEmpty)
    try sides.here.change(.scale(to: .total(5)), after: 30)
    let next = try #require(sides.here.state.deployments["shop"])
    #expect(next.decisions == [next.timestamp, theirs.timestamp])
}

@Test(arguments: [-1, StateLimits.conclusionRank + 1, .max])
func `an entry whose conclusion has no sensible rank is refused`(rank: Int) throws {
    var sides = try Sides()
    var entry = try #require(sides.here.state.deployments["shop"])
    entry.timestamp.conclusion = .init(rank: rank, host: "b")
    try sides.here.change(.scale(to: .total(9)), after: 10)
    entry.timestamp.time = day.advanced(byMilliseconds: 60_000)
    let change = sides.here.state.apply(StateDelta(deployments: [entry]), at: day, clock: &sides.here.clock)
    #expect(change.refusals.map(\.code) == [.malformed] && change.isEmpty)
}

@Test func `an entry that claims more decisions than are remembered is refused`() throws {
    let sides = try Sides()
    var entry = try #require(sides.here.state.deployments["shop"])
    entry.timestamp.time = day.advanced(byMilliseconds: 60_000)
    entry.decisions = (0...StateLimits.decisions).map { stamp(Int64($0)) }
    var (state, clock) = (ReplicatedState(), HybridClock(host: "z"))
    let change = state.apply(StateDelta(deployments: [entry]), at: day, clock: &clock)
    #expect(change.refusals.map(\.code) == [.tooMany] && state.deployments.isEmpty)
}
