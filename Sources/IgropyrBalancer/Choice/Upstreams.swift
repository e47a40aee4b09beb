import IgropyrHashing
import IgropyrOrchestration
import IgropyrUV

/// The workers of one application, and which of them has which keys.
final class Upstreams: Sendable {
    struct Worker: Sendable, Hashable {
        /// Names the ring member.
        var id: String
        var host: String
        var address: SocketAddress
        /// Its part of the keys and of the load, in proportion to the others'; ``SlowStart/steps`` times what was asked
        /// for, once it gets all of that.
        var weight: UInt16 = 1
        /// It is spoken to as ``Upstreams/encryption`` says.
        var isEncrypted = false
    }

    let name: ApplicationName
    let settings: RequestSettings
    /// Nil if no worker is encrypted.
    let encryption: WorkerEncryption?
    /// As they came.
    let given: [Worker]
    let table: KeyTable
    /// Parallel to the table's members.
    let members: [Worker]
    /// Likewise.
    let weights: [UInt16]
    let totalWeight: Int

    init(
        name: ApplicationName, _ workers: [Worker], _ settings: ApplicationSettings = ApplicationSettings(),
        _ encryption: WorkerEncryption? = nil, reusing previous: Upstreams? = nil
    ) {
        self.name = name
        self.settings = RequestSettings(settings)
        self.encryption = encryption
        given = workers
        table = KeyTable(
            kind: settings.keyTable,
            workers.map { KeyTable.Member(id: $0.id, host: $0.host, weight: $0.weight) }, reusing: previous?.table)
        let byID = Dictionary(workers.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        members = table.members.compactMap { byID[$0.id] }
        weights = members.map(\.weight)
        totalWeight = weights.reduce(0) { $0 + Int($1) }
    }
}

extension Upstreams.Worker {
    init?(_ endpoint: WorkerEndpoint) {
        guard let address = SocketAddress(endpoint.address, port: endpoint.port) else { return nil }
        self.init(
            id: endpoint.slot.id, host: endpoint.slot.host.rawValue, address: address, isEncrypted: endpoint.isEncrypted
        )
    }

    init(fixed address: SocketAddress, weight: UInt16) {
        self.init(id: address.description, host: address.hostText, address: address, weight: weight)
    }
}
