import IgropyrOrchestration
import IgropyrTime
import Testing

private let limits = HealthGate.Limits(readyWithin: .seconds(10), healthyFor: .seconds(3))

private struct Look: Sendable {
    var at: Int64
    var state = WorkerRecord.State.ready
    var restarts = 0
    var isGivenUp = false
}

private struct Row: Sendable, CustomTestStringConvertible {
    var rule: String
    var looks: [Look]
    var verdicts: [HealthGate.Verdict]

    var testDescription: String { rule }
}

private let rows: [Row] = [
    Row(
        rule: "ready for long enough is good", looks: [.init(at: 0, state: .starting), .init(at: 2), .init(at: 5)],
        verdicts: [.pending, .pending, .available]),
    Row(
        rule: "not ready in time is bad", looks: [.init(at: 9, state: .starting), .init(at: 10, state: .backoff)],
        verdicts: [.pending, .failed]),
    Row(
        rule: "ready at the last moment still has its time", looks: [.init(at: 9), .init(at: 11), .init(at: 12)],
        verdicts: [.pending, .pending, .available]),
    Row(
        rule: "a restart begins the time anew, also if it was not seen to be gone",
        looks: [.init(at: 1), .init(at: 3, restarts: 1), .init(at: 5, restarts: 1), .init(at: 6, restarts: 1)],
        verdicts: [.pending, .pending, .pending, .available]),
    Row(
        rule: "who dies again and again has no time without end",
        looks: (1...13).map { .init(at: Int64($0), restarts: $0) },
        verdicts: Array(repeating: .pending, count: 12) + [.failed]),
    Row(
        rule: "who is given up is bad at once", looks: [.init(at: 1, state: .backoff, isGivenUp: true)],
        verdicts: [.failed]),
    Row(
        rule: "who was good stays so through a crash, but not through being given up",
        looks: [
            .init(at: 0), .init(at: 3), .init(at: 4, state: .backoff, restarts: 1),
            .init(at: 90, state: .starting, restarts: 2), .init(at: 91, state: .failed, restarts: 3, isGivenUp: true),
        ],
        verdicts: [.pending, .available, .available, .available, .failed]),
    Row(
        rule: "who was late and is well at last is good",
        looks: [.init(at: 0, state: .starting), .init(at: 10, state: .starting), .init(at: 20), .init(at: 23)],
        verdicts: [.pending, .failed, .failed, .available]),
]

@Test(arguments: rows) private func `a new worker is judged`(row: Row) {
    var gate = HealthGate(at: .zero)
    let slot = WorkerSlot(application: "x", host: "a", index: 0)
    for (look, verdict) in zip(row.looks, row.verdicts) {
        let worker = LocalWorker(
            id: 1, slot: slot, spec: spec().worker, state: look.state, restarts: look.restarts,
            isGivenUp: look.isGivenUp)
        gate.handle(worker, limits: limits, at: .seconds(look.at))
        #expect(gate.verdict == verdict, "at \(look.at) s")
    }
}

@Test func `a gate says when to look again`() {
    var gate = HealthGate(at: .seconds(100))
    #expect(gate.deadline(limits) == .seconds(110))
    let slot = WorkerSlot(application: "x", host: "a", index: 0)
    let worker = LocalWorker(id: 1, slot: slot, spec: spec().worker, state: .ready)
    gate.handle(worker, limits: limits, at: .seconds(101))
    #expect(gate.deadline(limits) == .seconds(104))
    gate.handle(worker, limits: limits, at: .seconds(104))
    #expect(gate.deadline(limits) == nil && gate.verdict == .available)
}
