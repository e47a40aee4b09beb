public import IgropyrUV

/// Where members are, for who is none yet: a host, for instance, that has yet to be given the cluster's key.
public enum MemberLookup {
    /// How long answers to a question by multicast are waited for.
    private static let patience = Duration.seconds(1)

    /// Where those gossip to which the configuration's seeds, services and discovery lead, asked once; in this order.
    /// - Throws: if none of them leads anywhere, why the last does not.
    public static func addresses(
        _ configuration: MembershipConfiguration, on loop: EventLoop
    ) async throws(MembershipError) -> [SocketAddress] {
        var addresses: [SocketAddress] = []
        var failure = MembershipError(code: .invalidConfiguration, description: "nothing leads to a member")
        var endpoints = configuration.seeds
        for service in configuration.seedServices {
            do throws(UVError) {
                endpoints += try await ServiceLookup.endpoints(of: service, from: configuration.nameServer)
            } catch {
                failure = MembershipError(code: .system, description: "the service \(service): \(error.reason)")
            }
        }
        for endpoint in endpoints {
            do throws(UVError) {
                addresses += try await NameResolver.addresses(of: endpoint).map { $0.inZone(configuration.zone) }
            } catch { failure = MembershipError(code: .system, description: "\(endpoint): \(error.reason)") }
        }
        if let cluster = configuration.discovery {
            let found = try await discover(cluster, configuration, on: loop)
            if found.isEmpty {
                failure = MembershipError(
                    code: .system, description: "no member of \"\(cluster)\" answers on this network")
            }
            addresses += found
        }
        guard !addresses.isEmpty else { throw failure }
        return addresses
    }

    /// Returns with the first that answers, and those that came along.
    private static func discover(
        _ cluster: String, _ configuration: MembershipConfiguration, on loop: EventLoop
    ) async throws(MembershipError) -> [SocketAddress] {
        var found: [SocketAddress] = []
        var isOver = false
        let waiter = WaitingTasks()
        let discovery = try Discovery(
            of: cluster, name: nil, at: configuration.advertise ?? configuration.bind, bound: configuration.bind,
            on: loop
        ) { address in
            found.append(address)
            waiter.wake()
        }
        defer { discovery.close() }
        do throws(UVError) {
            let timer = try Timer(on: loop)
            defer { timer.close() }
            try timer.start(after: patience) {
                isOver = true
                waiter.wake()
            }
            await waiter.wait(on: loop) { found.isEmpty && !isOver }
        } catch { throw MembershipError(code: .system, description: "\(error)") }
        return found
    }
}
