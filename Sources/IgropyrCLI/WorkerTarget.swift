import ArgumentParser
import IgropyrCluster
import IgropyrOrchestration
import IgropyrUV

/// `APP[/HOST[/INDEX]]`.
struct WorkerTarget: Sendable {
    var application: ApplicationName
    var host: String?
    var index: Int?

    init(_ text: String) throws {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard (1...3).contains(parts.count) else { throw ValidationError("\(text) is not APP[/HOST[/INDEX]].") }
        application = try ApplicationName(parts[0])
        host = parts.count > 1 ? parts[1] : nil
        index = parts.count > 2 ? UInt16(parts[2]).map(Int.init) : nil
        guard parts.count < 3 || index != nil else { throw ValidationError("\(text) is not APP[/HOST[/INDEX]].") }
    }

    /// The nodes where it runs, or has run beside others of its application; those first that have one that is ready.
    func hosts(by client: ControlClient, _ node: SocketAddress) async throws -> [SocketAddress] {
        let report = try await client.status(of: node)
        let workers = report.workers.filter { $0.application == application }
            .filter { host == nil || $0.host.rawValue == host }
        let ready = Set(workers.filter { $0.state == .ready }.map(\.host.rawValue))
        let others = Set(workers.map(\.host.rawValue)).subtracting(ready)
        let addresses = (ready.sorted() + others.sorted()).compactMap { name in
            report.hosts.first { $0.name == name }?.controlAddress
                .flatMap { SocketAddress(parsing: $0, defaultPort: 0) }
        }
        guard !addresses.isEmpty else { throw CommandFailure("no worker of \(application) is there: igropyr status") }
        return addresses
    }
}
