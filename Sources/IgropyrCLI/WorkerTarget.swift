import ArgumentParser
import IgropyrCluster
import IgropyrOrchestration
import IgropyrUV

/// `APP[/HOST[/INDEX]]`.
struct WorkerTarget: Sendable {
    let application: ApplicationName
    let host: HostName?
    let index: Int?

    init(_ text: String) throws {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        application = try ApplicationName(parts[0])
        host = try parts.count > 1 ? HostName(parts[1]) : nil
        index = parts.count > 2 ? UInt16(parts[2]).map(Int.init) : nil
        guard parts.count < 3 || parts.count == 3 && index != nil else {
            throw ValidationError("write it as APP, APP/HOST or APP/HOST/INDEX.")
        }
    }

    func includes(_ slot: WorkerSlot) -> Bool {
        slot.application == application && (host ?? slot.host) == slot.host && (index ?? slot.index) == slot.index
    }

    /// The host that is named; else the nodes where it runs, or has run beside others of its application, those first
    /// that have one that is ready.
    func hosts(in report: StatusReport) throws -> [SocketAddress] {
        let workers = report.workers.filter { $0.application == application }
        let deployed = report.applications.map(\.name)
        // One that was removed has workers until they have finished.
        guard deployed.contains(application) || !workers.isEmpty else {
            throw DeploymentError.unknownApplication(application, deployed: deployed)
        }
        if let host { return [try report.controlAddress(of: host)] }
        let ready = Set(workers.filter { $0.state == .ready }.map(\.host))
        let others = Set(workers.map(\.host)).subtracting(ready)
        let addresses = (ready.sorted() + others.sorted()).compactMap { try? report.controlAddress(of: $0) }
        guard !addresses.isEmpty else {
            throw CommandFailure("\(application) has no worker on any host: igropyr status says why")
        }
        return addresses
    }
}
