import IgropyrHashing
import IgropyrTransport
import IgropyrUV
import Testing

@testable import IgropyrBalancer

/// A balancer and its workers, each on an address of its own so that they count as different hosts.
struct Fixture {
    var balancer: Balancer
    var workers: [TestWorker]
    /// Of the application that answers everything.
    var application: ApplicationSettings

    /// Has further requests go to these workers.
    func use(_ addresses: [SocketAddress]) {
        balancer.update(.fixed(addresses, application))
    }

    func client(receiveBuffer: Int32? = nil) throws -> RawClient {
        try RawClient(to: balancer.address, receiveBuffer: receiveBuffer)
    }

    /// On a connection of its own.
    func exchange(_ request: String) throws -> RawClient.Response { try client().exchange(request) }
    func get(_ target: String) throws -> RawClient.Response { try client().get(target) }

    /// A path whose key belongs to that worker.
    func path(ownedBy worker: TestWorker, below prefix: String = "/key") throws -> String {
        try path(ownedBy: worker.address, below: prefix)
    }

    func path(ownedBy worker: SocketAddress, below prefix: String) throws -> String {
        let application = try #require(balancer.snapshot?.applications.first)
        let owned = (0..<10_000).lazy.map { "\(prefix)/\($0)" }.first { path in
            let owner = application.table.position(forHash: XXH64.hash(path), rank: 0)
            return owner.map { application.members[$0].address } == worker
        }
        return try #require(owned)
    }
}

/// Runs `body` with a balancer in front of `count` workers, then closes all loops: a handle left open fails the test.
///
/// `body` has a thread of its own, where its clients may block without holding up other tests.
func withBalancer(
    workers count: Int = 3, knowsWorkers: Bool = true, _ change: (inout BalancerSettings) -> Void = { _ in },
    _ body: (Fixture) async throws -> Void
) async throws {
    var workers: [TestWorker] = []
    for index in 0..<count {
        let worker = try TestWorker("worker-\(index)", on: "127.0.0.\(index + 1)")
        var patient = HTTPServerSettings()
        (patient.idleTimeout, patient.progressTimeout) = (.seconds(60), .seconds(200))
        try await worker.start(patient)
        workers.append(worker)
    }
    var settings = BalancerSettings(listen: .loopback(port: 0))
    // Tests may be held up.
    (settings.server.headTimeout, settings.server.idleTimeout) = (.seconds(60), .seconds(60))
    settings.server.minimumBytesPerSecond = 0
    settings.application.connectTimeout = .seconds(20)
    (settings.server.progressTimeout, settings.application.responseTimeout) = (.seconds(200), .seconds(200))
    settings.client.idleTimeout = .seconds(50)
    change(&settings)
    let snapshot = knowsWorkers ? UpstreamSnapshot.fixed(workers.map(\.address), settings.application) : nil
    let balancer = try await Balancer.start(settings, snapshot: snapshot)
    let thread = try EventLoopThread(name: "test")
    let outcome: Result<Void, any Error> = await withTaskExecutorPreference(thread.loop) {
        do {
            let fixture = Fixture(balancer: balancer, workers: workers, application: settings.application)
            return .success(try await body(fixture))
        } catch {
            return .failure(error)
        }
    }
    try await thread.stop()
    try await balancer.stop(timeout: .seconds(1))
    for worker in workers { try await worker.stop() }
    try outcome.get()
}

extension UpstreamSnapshot {
    /// Sends everything to these workers.
    static func fixed(
        _ addresses: [SocketAddress], _ application: ApplicationSettings = ApplicationSettings()
    ) -> UpstreamSnapshot {
        UpstreamSnapshot(nil, rules: .fixed(addresses.map { .init($0) }), defaults: application)
    }
}
