internal import IgropyrDNS
internal import IgropyrGossip
internal import IgropyrTime
internal import IgropyrUV

/// The socket and the timer of a ``ServiceDiscovery``; stays on its loop.
final class Discovery {
    private var core: ServiceDiscovery
    private var random = SystemRandomNumberGenerator()
    private let socket: UDPSocket
    private let timer: Timer
    private let group: SocketAddress
    private let onFound: (SocketAddress) -> Void
    private var isClosed = false

    /// Speaks on the interface that has `member`'s address, which is IPv4; without a name only looks for others.
    /// - Throws: an error that says what is wrong with the name or the address, or that the port cannot be had.
    init(
        of cluster: String, name: String?, at member: SocketAddress, on loop: EventLoop,
        onFound: @escaping (SocketAddress) -> Void
    ) throws(MembershipError) {
        guard case .v4(let first, let second, let third, let fourth) = member.host else {
            throw MembershipError(
                code: .invalidConfiguration,
                description: "discovery works over IPv4 only: bind or advertise such an address")
        }
        let instance = name.map {
            ServiceDiscovery.Instance(name: $0, address: [first, second, third, fourth], port: member.port)
        }
        guard
            let core = ServiceDiscovery(cluster: cluster, instance: instance, at: EventLoop.preciseNow, using: &random),
            let group = SocketAddress(ServiceDiscovery.group.address, port: ServiceDiscovery.group.port)
        else {
            throw MembershipError(
                code: .invalidConfiguration,
                description: "\"\(cluster)\" names no cluster to discover: use 1 to 57 letters, digits and hyphens")
        }
        self.core = core
        self.group = group
        self.onFound = onFound
        do throws(UVError) {
            socket = try UDPSocket(on: loop, binding: .any(port: group.port), sharesPort: true)
        } catch {
            throw MembershipError(error, discoveringOn: member)
        }
        do throws(UVError) {
            timer = try Timer(on: loop)
        } catch {
            socket.close()
            throw MembershipError(error, discoveringOn: member)
        }
        do throws(UVError) {
            try socket.joinGroup(ServiceDiscovery.group.address, atInterfaceOf: member)
            try socket.startReceiving { bytes, source in self.receive(bytes.copied, from: source) }
        } catch {
            socket.close()
            timer.close()
            throw MembershipError(error, discoveringOn: member)
        }
        rearm()
    }

    /// Says farewell to the group, and closes.
    func leave() {
        guard !isClosed else { return }
        if let goodbye = core.goodbye { socket.send(goodbye, to: group) }
        close()
    }

    /// Idempotent.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        socket.close()
        timer.close()
    }

    /// Datagrams that were no messages, and what was ignored because it was too much.
    var refusals: Int { core.malformed + core.overflows }

    func askAgain() {
        core.askAgain(at: EventLoop.preciseNow)
        rearm()
    }

    private func receive(_ datagram: [UInt8], from source: SocketAddress) {
        let directives = core.handle(
            datagram, isFromGroupPort: source.port == group.port, at: EventLoop.preciseNow, using: &random)
        carryOut(directives, answering: source)
        rearm()
    }

    private func carryOut(_ directives: [ServiceDiscovery.Directive], answering source: SocketAddress?) {
        for directive in directives where !isClosed {
            switch directive {
            case .multicast(let bytes): socket.send(bytes, to: group)
            case .reply(let bytes): if let source { socket.send(bytes, to: source) }
            case .found(let address, let port):
                if let member = MemberAddress(bytes: address, port: port) { onFound(SocketAddress(member)) }
            }
        }
    }

    private func rearm() {
        guard !isClosed else { return }
        let delay = max(.zero, EventLoop.preciseNow.duration(to: core.deadline))
        // Fails only once closed.
        try? timer.start(after: delay) { self.timerDidFire() }
    }

    private func timerDidFire() {
        carryOut(core.handleTimeout(at: EventLoop.preciseNow), answering: nil)
        rearm()
    }
}

extension MembershipError {
    fileprivate init(_ error: UVError, discoveringOn member: SocketAddress) {
        self.init(
            code: .system,
            description:
                "cannot discover others by multicast at \(member.hostText): \(error.reason); another program may have "
                + "UDP port 5353 for itself, or the network no multicast: use --join")
    }
}
