import IgropyrTime
import IgropyrTransport
import IgropyrUV
import Testing

@testable import IgropyrBalancer

@Test(arguments: [
    (nanoseconds: Int64(-5), bucket: 0), (0, 0), (100_000, 0), (100_001, 1), (500_000, 2), (2_500_001, 5),
    (60_000_000_000, 17), (60_000_000_001, 18), (.max, 18),
])
func `a time is counted in the first bucket that reaches up to it`(nanoseconds: Int64, bucket: Int) {
    var histogram = LatencyHistogram()
    histogram.add(nanoseconds: nanoseconds)
    #expect(histogram.allCounts.firstIndex(of: 1) == bucket)
    #expect(histogram.count == 1)
}

@Test func `histograms of several loops add up`() {
    var (one, other) = (LatencyHistogram(), LatencyHistogram())
    one.add(nanoseconds: 1_500_000_000)
    other.add(nanoseconds: 500_000_000)
    other.add(nanoseconds: 50)
    one += other
    #expect(one.count == 3)
    #expect(one.sumSeconds == 2.00000005)
}

@Test func `the bounds ascend from a tenth of a millisecond to a minute`() {
    let bounds = LatencyHistogram.boundsInSeconds
    #expect(bounds == bounds.sorted() && bounds.first == 0.0001 && bounds.last == 60)
}

@Test func `terms of failures differ, and are short`() {
    let terms = ExchangeFailure.allCases.map(\.term)
    #expect(Set(terms).count == terms.count)
    #expect(terms.allSatisfy { $0.utf8.allSatisfy { 0x61...0x7A ~= $0 || $0 == 0x2D } })
    #expect(ExchangeFailure.allCases.map(\.rawValue) == Array(terms.indices))
}

private func worker(_ number: Int) -> Upstreams.Worker {
    Upstreams.Worker(id: "a/host/\(number)", host: "host", address: .loopback(port: UInt16(1000 + number)))
}

@Test func `a worker that left keeps its measures for five minutes`() {
    let meter = ApplicationMeter(name: "a")
    meter.update([worker(0), worker(1)], at: .zero)
    meter.worker(at: worker(1).address)?.measures.retries = 7
    meter.update([worker(0)], at: .seconds(10))
    meter.prune(at: .seconds(309))
    #expect(meter.workers["a/host/1"]?.measures.retries == 7)
    meter.prune(at: .seconds(310))
    #expect(meter.workers.keys.sorted() == ["a/host/0"])
    #expect(meter.worker(at: worker(1).address) == nil)
}

@Test func `a worker that comes back goes on with its measures, at its new address`() {
    let meter = ApplicationMeter(name: "a")
    meter.update([worker(0)], at: .zero)
    meter.worker(at: worker(0).address)?.measures.retries = 7
    meter.update([], at: .seconds(1))
    var moved = worker(0)
    moved.address.port = 9
    meter.update([moved], at: .seconds(2))
    #expect(meter.worker(at: moved.address)?.measures.retries == 7)
    #expect(meter.worker(at: worker(0).address) == nil)
    meter.prune(at: .seconds(1000))
    #expect(meter.workers.count == 1)
}

@Test func `of workers that left only so many keep their measures, those who left last`() {
    let meter = ApplicationMeter(name: "a")
    for number in 0..<300 { meter.update([worker(number)], at: .seconds(1)) }
    meter.update([], at: .seconds(2))
    #expect(meter.workers.count == ApplicationMeter.departedLimit)
    #expect(meter.workers["a/host/299"] != nil)
}
