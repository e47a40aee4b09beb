import IgropyrOrchestration
import Testing

private let tables: [(results: String, verdicts: String)] = [
    // + passed, - failed; n not yet, r ready, u unwell, . nothing.
    ("+", "r"), ("++", "r."), ("---+", "nnnr"), ("+---", "r..u"), ("+--+---", "r.....u"), ("+-----", "r..u.."),
    ("+--+--+--", "r........"), ("-------", "nnnnnnn"),
]

@Test(arguments: tables) func `a worker is ready with its first passed check, and unwell after so many failed ones`(
    results: String, verdicts: String
) {
    var watch = HealthWatch(HealthCheck(.tcp, failures: 3))
    let said = results.map { result in
        switch watch.note(isPassed: result == "+") {
        case .notYet: "n"
        case .ready: "r"
        case .unwell: "u"
        case nil: "."
        }
    }
    #expect(said.joined() == verdicts)
}

@Test func `until it is ready, a worker is asked more often`() {
    var watch = HealthWatch(HealthCheck(.tcp, intervalMilliseconds: 2000))
    #expect(watch.pause == .milliseconds(100))
    _ = watch.note(isPassed: true)
    #expect(watch.pause == .milliseconds(2000))
    #expect(HealthWatch(HealthCheck(.tcp, intervalMilliseconds: 20)).pause == .milliseconds(20))
}

@Test func `of a worker that is ready since long, the first failures count`() {
    var watch = HealthWatch(HealthCheck(.tcp, failures: 2), isReady: true)
    let verdicts = [watch.note(isPassed: false), watch.note(isPassed: false)]
    #expect(verdicts == [nil, .unwell])
}
