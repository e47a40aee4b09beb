import IgropyrMembership
import IgropyrOrchestration
import IgropyrTransport
import IgropyrUV
import Logging
import TestSupport
import Testing

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

    /// Waits until that is so of what it tells; if it never is, what it tells is told.
    func statusSays(
        _ what: String, _ location: SourceLocation = #_sourceLocation, _ isSo: (StatusReport) -> Bool
    ) async throws {
        var last: StatusReport?
        let holds = await eventually {
            last = await agent.status
            return last.map(isSo) ?? false
        }
        #expect(holds, "\(what), but: \(last as Any)", sourceLocation: location)
    }

    /// Waits until so many of its own workers are ready.
    func hasReady(_ count: Int, _ location: SourceLocation = #_sourceLocation) async throws {
        try await statusSays("\(count) ready", location) { report in
            report.workers.count { $0.state == .ready && $0.host == report.host } == count
        }
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
