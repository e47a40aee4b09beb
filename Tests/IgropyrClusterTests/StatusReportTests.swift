import IgropyrOrchestration
import Testing

@testable import IgropyrCluster

@Test func `a next try is told of where it can be, and no time that a host claims ends the program`() {
    let now = UnixTime(milliseconds: 1_800_000_000_000)
    var worker = WorkerRecord(
        application: .shop, index: 0, revision: BundleDigest(rawValue: String(repeating: "a", count: 64))!,
        address: "127.0.0.1", port: 1, state: .backoff)
    #expect(worker.nextTry(at: now) == "")
    for (time, text) in [
        (now.milliseconds + 3200, "next try in 3.2 s"), (now.milliseconds, "next try in 0 ms"),
        (now.milliseconds - 1, ""), (now.milliseconds + 86_400_000, ""), (.min, ""), (.max, ""), (0, ""),
    ] as [(Int64, String)] {
        worker.nextTryAt = UnixTime(milliseconds: time)
        #expect(worker.nextTry(at: now) == text, "\(time)")
    }
}
