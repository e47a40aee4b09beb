import Igropyr
import IgropyrMembership
import IgropyrUV
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct MetricsTests {
    @Test func `a member tells its metrics`() async throws {
        try await onLoop { loop in
            let metrics = PrometheusMetrics()
            var configuration = MembershipConfiguration(name: "first", bind: freshAddress(port: 0))
            configuration.settings = .local
            configuration.metrics = metrics
            configuration.logger.logLevel = .critical
            let first = Membership(configuration, on: loop)
            try await first.start()
            #expect(metrics.text().contains(#"gossip_members{member="first",status="alive"} 1"#))
            let address = try #require(await first.localAddress)
            configuration.name = "second"
            configuration.metrics = nil
            configuration.seeds = [Endpoint(host: address.hostText, port: address.port)]
            let second = Membership(configuration, on: loop)
            try await second.start()
            #expect(await eventually { metrics.text().contains(#"gossip_members{member="first",status="alive"} 2"#) })
            await second.leave()
            #expect(await eventually { metrics.text().contains(#"gossip_members{member="first",status="left"} 1"#) })
            #expect(await eventually { metrics.text().contains(#"gossip_datagrams_sent_total{member="first"}"#) })
            #expect(!metrics.text().contains(#"member="second""#))
            await first.shutdown()
        }
    }
}
