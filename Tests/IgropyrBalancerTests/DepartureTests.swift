import IgropyrCluster
import IgropyrMembership
import IgropyrTransport
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrBalancer

@Suite(.timeLimit(.minutes(5))) struct `A balancer of a cluster that is ended` {
    private static func member(_ name: String, seed: SocketAddress? = nil) -> MembershipConfiguration {
        var configuration = MembershipConfiguration(name: name, bind: freshAddress(port: 0))
        configuration.settings = .local
        configuration.seeds = seed.map { [Endpoint(host: $0.hostText, port: $0.port)] } ?? []
        configuration.logger.logLevel = .critical
        return configuration
    }

    @Test func `says so when another member has its name, by which it hears nothing more`() async throws {
        try await onLoop { loop in
            let host = Membership(Self.member("entrance"), on: loop)
            try await host.start()
            let address = try #require(await host.localAddress)
            let balancer = ClusterBalancer(
                BalancerSettings(listen: .loopback(port: 0)), member: Self.member("entrance", seed: address), key: nil,
                on: loop)
            try await balancer.start()
            let failure = await #expect(throws: NodeError.self) { try await balancer.waitForNameLoss() }
            #expect(failure?.description.contains("entrance as the host at \(address)") == true)
            try await balancer.stop(timeout: .zero)
            await host.shutdown()
            let lone = ClusterBalancer(
                BalancerSettings(listen: .loopback(port: 0)), member: Self.member("entrance"), key: nil, on: loop)
            try await lone.start()
            let end = Task(executorPreference: loop) { try await lone.waitForNameLoss() }
            try await lone.stop(timeout: .zero)
            try await end.value
        }
    }

    @Test func `hears which hosts die until its last request is done`() async throws {
        let (silent, well) = (try TestWorker("silent"), try TestWorker("well", on: "127.0.0.2"))
        silent.mood.withLock { $0 = .hangs }
        for worker in [silent, well] { try await worker.start() }
        try await onLoop { loop in
            // A fixed worker's host goes by its address.
            let host = Membership(Self.member(silent.address.hostText), on: loop)
            try await host.start()
            var settings = BalancerSettings(listen: .loopback(port: 0))
            (settings.application.connectTimeout, settings.application.responseTimeout) = (.seconds(20), .seconds(200))
            settings.server.progressTimeout = .seconds(200)
            settings.rules = .fixed([.init(silent.address)])
            let balancer = ClusterBalancer(
                settings, member: Self.member("entrance", seed: await host.localAddress), key: nil, on: loop)
            try await balancer.start()
            let address = try #require(await balancer.address)
            #expect(await eventually { await host.members.contains { $0.name == "entrance" && $0.status == .alive } })

            let answer = Task(executorPreference: loop) {
                var patient = HTTPClientSettings()
                patient.responseTimeout = .seconds(200)
                let client = try HTTPRequester(on: loop, settings: patient)
                defer { client.close() }
                return String(decoding: try await client.send(.init(.get, "/"), to: address).body, as: UTF8.self)
            }
            #expect(await eventually { await silent.requestCount == 1 })
            await balancer.update(.fixed([.init(silent.address), .init(well.address)]))
            let end = Task(executorPreference: loop) { try await balancer.stop(timeout: .seconds(200)) }
            #expect(await eventually { await balancer.address == nil })
            await host.shutdown()
            #expect(try await answer.value == "well")
            try await end.value
        }
        for worker in [silent, well] { try await worker.stop() }
    }
}
