import IgropyrTime
import IgropyrTransport
import IgropyrUV
import Testing

private func client(_ number: Int) -> ClientLimit.Client { .v6(UInt64(number)) }

@Suite struct RateLimitTests {
    private static func settings(_ rate: Double = 2, burst: Int = 3, clients: Int = 8) -> RateLimitSettings {
        var settings = RateLimitSettings(requestsPerSecond: rate, burst: burst)
        settings.clients = clients
        return settings
    }

    @Test func `a burst goes through, then as much as the rate allows`() {
        var table = RateLimitTable(Self.settings())
        let waits = [0, 0, 0, 0, 499, 500, 600, 1000, 1000, 2500, 2500, 2500, 2500].map {
            table.take(client(1), hash: 1, at: .milliseconds($0))
        }
        let half = Duration.milliseconds(500)
        #expect(
            waits == [
                nil, nil, nil, half, .milliseconds(1), nil, .milliseconds(400), nil, half, nil, nil, nil, half,
            ])
    }

    @Test(arguments: [0.01, 0.5, 3, 1000, 1e6], [1, 7, 1000]) func `no stretch of time lets more through than it may`(
        rate: Double, burst: Int
    ) {
        var table = RateLimitTable(Self.settings(rate, burst: burst))
        var random = SystemRandomNumberGenerator()
        var (now, allowed) = (0.0, 0)
        for _ in 0..<20_000 {
            now += Double.random(in: 0...2, using: &random) / rate
            for _ in 0..<2 where table.take(client(1), hash: 0, at: Timestamp(nanoseconds: Int64(now * 1e9))) == nil {
                allowed += 1
            }
        }
        #expect(Double(allowed) <= Double(burst) + now * rate * 1.0001 + 1)
        // Without room for a burst, what comes early is lost.
        #expect(Double(allowed) >= now * rate * (burst == 1 ? 0.5 : 0.9))
    }

    @Test func `who waits as long as was said gets through`() throws {
        var table = RateLimitTable(Self.settings(3, burst: 2))
        var now = Timestamp.zero
        for _ in 0..<100 {
            while true {
                guard let wait = table.take(client(1), hash: 0, at: now) else { break }
                #expect(wait > .zero && wait <= .milliseconds(334))
                #expect(table.take(client(1), hash: 0, at: now.advanced(by: wait - .nanoseconds(1))) != nil)
                now = now.advanced(by: wait)
            }
        }
    }

    @Test func `clients do not spend each other's tokens`() {
        var table = RateLimitTable(Self.settings(1, burst: 1))
        for number in 0..<8 { #expect(table.take(client(number), hash: number, at: .zero) == nil) }
        for number in 0..<8 { #expect(table.take(client(number), hash: number, at: .zero) != nil) }
        #expect(table.take(.unknown, hash: 0, at: .zero) == nil)
        #expect(table.take(.unknown, hash: 0, at: .zero) != nil)
    }

    @Test func `the fullest bucket gives way, so that the busiest client is remembered`() {
        var table = RateLimitTable(Self.settings(1, burst: 10))
        for _ in 0..<10 { _ = table.take(client(0), hash: 0, at: .zero) }
        for number in 1..<1000 { #expect(table.take(client(number), hash: 0, at: .zero) == nil) }
        #expect(table.take(client(0), hash: 0, at: .zero) == .seconds(1))
    }

    @Test(arguments: [1e-12, .infinity]) func `absurd rates do not trap`(rate: Double) {
        var table = RateLimitTable(Self.settings(rate, burst: .max))
        for second in 0..<1000 { _ = table.take(client(1), hash: .min, at: .seconds(Int64(second) * 1_000_000)) }
    }

    @Test func `IPv6 clients count by their first 64 bits, and IPv4 ones in its clothes as themselves`() throws {
        func key(_ text: String) -> ClientLimit.Client { ClientLimit.Client(SocketAddress(text, port: 1)) }
        #expect(key("2001:db8::1") == key("2001:db8::ffff:1") && key("2001:db8::1") != key("2001:db8:0:1::1"))
        #expect(key("::ffff:1.2.3.4") == key("1.2.3.4") && key("::ffff:1.2.3.4") != key("::ffff:1.2.3.5"))
    }

    @Test func `several threads share one limit`() async {
        let limit = ClientRateLimit(Self.settings(0.001, burst: 1000, clients: 10_000))
        let allowed = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask { (0..<1000).count { _ in limit.take(.v4(1, 2, 3, 4), at: .zero) == nil } }
            }
            return await group.reduce(0, +)
        }
        #expect(allowed == 1000)
    }
}
