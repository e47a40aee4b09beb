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
    let bind: SocketAddress

    init(
        _ name: String, on loop: EventLoop, joining seed: SampleNode? = nil, key: ClusterKey? = nil,
        folder: TemporaryFolder? = nil, bind: SocketAddress = freshAddress(), after handover: Handover = Handover()
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
        configuration.handover = handover
        agent = try HostAgent(configuration, on: loop)
        try await agent.start()
        self.folder = folder
        self.bind = bind
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

    /// As if its program were replaced, but by another agent; ``HostAgent/discard()`` this one after that.
    func replaced(on loop: EventLoop, joining seed: SampleNode? = nil, key: ClusterKey?) async throws -> SampleNode? {
        guard let name = await agent.status?.host, let handover = try await agent.leaveToSuccessor() else { return nil }
        await agent.releaseFolder()
        return try await SampleNode(
            name.rawValue, on: loop, joining: seed, key: key, folder: folder, bind: bind, after: handover)
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

extension HostAgent {
    /// As the end of the program does.
    func releaseFolder() { parts?.folder.release() }

    /// Closes what it has left open for the end of the program to close.
    func discard() async {
        guard let parts else { return }
        parts.timer.close()
        await parts.client.close()
        await parts.supervisor.close()
    }
}

extension ApplicationName {
    static let shop = ApplicationName(rawValue: "shop")!
}
