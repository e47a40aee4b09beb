internal import IgropyrDNS
internal import IgropyrGossip
internal import IgropyrTime
internal import IgropyrUV

/// The sockets and the timer of a ``ServiceDiscovery``; stays on its loop.
///
/// It speaks over IPv4 and over IPv6, as far as the interface has addresses of both: whoever has only one hears that,
/// and those who hear both are found once (RFC 6762 §20).
final class Discovery {
    private struct Channel {
        let socket: UDPSocket
        let group: SocketAddress
    }

    private var core: ServiceDiscovery
    private var random = SystemRandomNumberGenerator()
    private let interface: NetworkInterface
    private let channels: [Channel]
    private let timer: Timer
    private let onFound: (SocketAddress) -> Void
    private var isClosed = false

    /// Speaks on the interface that has `member`'s address, or else `bound`, at which it listens; without a name only
    /// looks for others.
    /// - Throws: an error that says what is wrong with the name or the address, or that the port cannot be had.
    init(
        of cluster: String, name: String?, at member: SocketAddress, bound: SocketAddress, on loop: EventLoop,
        onFound: @escaping (SocketAddress) -> Void
    ) throws(MembershipError) {
        let instance = name.map {
            ServiceDiscovery.Instance(name: $0, address: MemberAddress(member).bytes, port: member.port)
        }
        guard
            let core = ServiceDiscovery(
                cluster: cluster, instance: instance, kinds: Self.kinds(for: member, bound: bound),
                at: EventLoop.preciseNow, using: &random)
        else {
            throw MembershipError(
                code: .invalidConfiguration,
                description: "\"\(cluster)\" names no cluster to discover: use 1 to 57 letters, digits and hyphens")
        }
        self.core = core
        self.onFound = onFound
        do throws(UVError) {
            guard let interface = try NetworkInterface.having(oneOf: [member.host, bound.host]) else {
                throw UVError(code: UVError.addressNotAvailable, call: "find the interface")
            }
            self.interface = interface
            channels = try Self.open(on: interface, mustHaveIPv4: member.host.isIPv4, loop)
        } catch {
            throw MembershipError(error, discoveringOn: member)
        }
        do throws(UVError) {
            timer = try Timer(on: loop)
        } catch {
            for channel in channels { channel.socket.close() }
            throw MembershipError(error, discoveringOn: member)
        }
        do throws(UVError) {
            for channel in channels {
                try channel.socket.startReceiving { bytes, source in
                    self.receive(bytes.copied, from: source, over: channel)
                }
            }
        } catch {
            close()
            throw MembershipError(error, discoveringOn: member)
        }
        rearm()
    }

    /// Which addresses of others are of use to who listens at `bound`, those like its own first.
    private static func kinds(for member: SocketAddress, bound: SocketAddress) -> [DNSAddressKind] {
        let own = DNSAddressKind(MemberAddress(member).bytes)
        guard !bound.host.isIPv4, bound.isAny else { return [own] }
        let other: DNSAddressKind = own == .ipv4 ? .ipv6 : .ipv4  // A socket at :: is for both.
        return [own, other]
    }

    /// Of the two families, the one that the member is not of may be missing.
    private static func open(
        on interface: NetworkInterface, mustHaveIPv4: Bool, _ loop: EventLoop
    ) throws(UVError) -> [Channel] {
        var channels: [Channel] = []
        for isIPv4 in [mustHaveIPv4, !mustHaveIPv4] {
            do throws(UVError) {
                channels.append(try open(on: interface, isIPv4: isIPv4, loop))
            } catch {
                guard !channels.isEmpty else { throw error }
            }
        }
        return channels
    }

    private static func open(
        on interface: NetworkInterface, isIPv4: Bool, _ loop: EventLoop
    ) throws(UVError) -> Channel {
        let groups = ServiceDiscovery.groups
        let port = ServiceDiscovery.port
        guard let group = SocketAddress(isIPv4 ? groups.ipv4 : "\(groups.ipv6)%\(interface.name)", port: port) else {
            throw UVError(code: UVError.invalidArgument, call: "name the group on \(interface.name)")
        }
        // Not at the group's address: agents answer to where a question came from.
        let any = isIPv4 ? SocketAddress.any(port: port) : SocketAddress(host: .v6(0, 0, zone: 0), port: port)
        let socket = try UDPSocket(on: loop, binding: any, sharesPort: true)
        do throws(UVError) {
            try socket.joinGroup(group, on: interface)
        } catch {
            socket.close()
            throw error
        }
        return Channel(socket: socket, group: group)
    }

    /// Says farewell to the group, and closes.
    func leave() {
        guard !isClosed else { return }
        if let goodbye = core.goodbye { multicast(goodbye) }
        close()
    }

    /// Idempotent.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        for channel in channels { channel.socket.close() }
        timer.close()
    }

    /// Datagrams that were no messages, and what was ignored because it was too much.
    var refusals: Int { core.malformed + core.overflows }

    func askAgain() {
        core.askAgain(at: EventLoop.preciseNow)
        rearm()
    }

    private func receive(_ datagram: [UInt8], from source: SocketAddress, over channel: Channel) {
        // On other networks, other programs may have joined the group, for us, too.
        guard !source.host.isLinkLocal || source.zone == interface.zone else { return }
        let directives = core.handle(
            datagram, isFromGroupPort: source.port == channel.group.port, at: EventLoop.preciseNow, using: &random)
        carryOut(directives) { bytes in channel.socket.send(bytes, to: source) }
        rearm()
    }

    /// `reply`: Sends to who asked.
    private func carryOut(_ directives: [ServiceDiscovery.Directive], reply: ([UInt8]) -> Void) {
        for directive in directives where !isClosed {
            switch directive {
            case .multicast(let bytes): multicast(bytes)
            case .reply(let bytes): reply(bytes)
            case .found(let address, let port):
                if let member = MemberAddress(bytes: address, port: port) {
                    onFound(SocketAddress(member).inZone(interface.zone))
                }
            }
        }
    }

    private func multicast(_ bytes: [UInt8]) {
        for channel in channels { channel.socket.send(bytes, to: channel.group) }
    }

    private func rearm() {
        guard !isClosed else { return }
        let delay = max(.zero, EventLoop.preciseNow.duration(to: core.deadline))
        // Fails only once closed.
        try? timer.start(after: delay) { self.timerDidFire() }
    }

    private func timerDidFire() {
        carryOut(core.handleTimeout(at: EventLoop.preciseNow)) { _ in }  // Nobody has asked.
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
