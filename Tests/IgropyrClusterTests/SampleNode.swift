import IgropyrMembership
import IgropyrOrchestration
import IgropyrTransport
import IgropyrUV
import Logging
import TestSupport

@testable import IgropyrCluster

/// A node of a test, with a folder of its own.
struct SampleNode {
    let folder: TemporaryFolder
    let agent: HostAgent
    let control: SocketAddress

    init(
        _ name: String, on loop: EventLoop, joining seed: SampleNode? = nil, key: ClusterKey? = nil,
        folder: TemporaryFolder? = nil, bind: SocketAddress = freshAddress()
    ) async throws {
        let folder = try folder ?? TemporaryFolder()
        var member = MembershipConfiguration(name: name, bind: bind)
        member.settings = .local
        if let address = await seed?.agent.gossipAddress {
            member.seeds = [Endpoint(host: address.hostText, port: address.port)]
        }
        var configuration = NodeConfiguration(member, dataFolder: folder("data"))
        if let key {
            try folder.write(key.base64 + "\n", to: "key", permissions: 0o600)
            configuration.keyFile = folder("key")
        }
        configuration.workers = SampleWorker.settings
        configuration.logger.logLevel = .critical
        agent = try HostAgent(configuration, on: loop)
        try await agent.start()
        self.folder = folder
        control = await agent.controlAddress!
    }

    /// Its own workers that are ready, as it tells.
    func readyWorkers() async -> [StatusReport.Worker] {
        let report = await agent.status
        return report?.workers.filter { $0.state == .ready && $0.host == report?.host } ?? []
    }

    /// What its first ready worker answers.
    func answer(over client: HTTPRequester, path: String = "/") async throws -> String? {
        guard let worker = await readyWorkers().first,
            let address = SocketAddress(parsing: worker.address, defaultPort: 0)
        else { return nil }
        let answer = try await client.send(.init(.get, path), to: address)
        return String(decoding: answer.body, as: UTF8.self)
    }
}

extension ApplicationName {
    static let shop = ApplicationName(rawValue: "shop")!
}
