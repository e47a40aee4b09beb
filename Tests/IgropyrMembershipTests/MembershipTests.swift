import IgropyrGossip
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrMembership

@Suite(.timeLimit(.minutes(5))) struct MembershipTests {
    private func isAlive(_ name: String, at membership: Membership) async -> Bool {
        await membership.member(named: name)?.status == .alive
    }

    @Test func `a member that advertises IPv4 in 16 bytes, as Go does, is sent to over IPv4`() {
        let member = MemberAddress(ipv6: 0, 0xFFFF_0A00_0001, port: 7946)
        #expect(SocketAddress(member) == SocketAddress(parsing: "10.0.0.1:7946", defaultPort: 0))
    }

    @Test func `members find each other and part in peace`() async throws {
        try await onLoop { loop in
            let first = Membership(localConfiguration("first"), on: loop)
            try await first.start()
            let events = await first.events()
            let second = Membership(
                localConfiguration("second", seeds: [try endpoint(await first.localAddress)]), on: loop)
            try await second.start()
            #expect(await eventually { await isAlive("second", at: first) })
            #expect(await eventually { await isAlive("first", at: second) })
            await second.leave()
            var kinds: [MemberEvent.Kind] = []
            for await event in events {
                if case .member(let event) = event { kinds.append(event.kind) }
                if kinds.last == .left { break }
            }
            #expect(kinds == [.joined, .left])
            await first.shutdown()
            #expect(await first.members.isEmpty)
        }
    }

    @Test func `a member that ends without a word is known to have failed by the end of its links`() async throws {
        try await onLoop { loop in
            var linked = localConfiguration("first")
            linked.settings.linkFanout = 8
            linked.settings.probeInterval = .seconds(600)  // The failure detector would need longer than the test may.
            let first = Membership(linked, on: loop)
            try await first.start()
            linked.seeds = [try endpoint(await first.localAddress)]
            linked.name = "second"
            let second = Membership(linked, on: loop)
            linked.name = "third"
            let third = Membership(linked, on: loop)
            try await second.start()
            try await third.start()
            // Each of three has one link of its own and one of another; a link counts once it has stood for a second.
            for member in [first, second, third] {
                #expect(await eventually { await member.linkCount == 2 })
            }
            await third.shutdown()
            for member in [first, second] {
                #expect(await eventually { await member.member(named: "third")?.status == .failed })
                #expect(await member.counters.linksLost == 1)
                #expect(await isAlive(member === first ? "second" : "first", at: member))
            }
            for member in [first, second] { await member.shutdown() }
        }
    }

    @Test func `a member that leaves its sockets to a successor is not taken for failed meanwhile`() async throws {
        try await onLoop { loop in
            var linked = localConfiguration("first")
            linked.settings.linkFanout = 8
            linked.settings.probeInterval = .seconds(600)
            linked.settings.probeTimeout = .seconds(60)
            let first = Membership(linked, on: loop)
            try await first.start()
            let events = await first.events()
            linked.seeds = [try endpoint(await first.localAddress)]
            linked.name = "second"
            let second = Membership(linked, on: loop)
            try await second.start()
            #expect(await eventually { await first.linkCount == 2 })

            linked.sockets = try await second.leaveToSuccessor()
            #expect(linked.sockets != nil)
            // It sees at once that the process may have ended, and asks the host's kernel.
            #expect(await eventually { await first.counters.linksLost == 2 })
            linked.tags = ["life": "second"]
            let successor = Membership(linked, on: loop)
            try await successor.start()
            var kinds: [MemberEvent.Kind] = []
            for await event in events {
                guard case .member(let event) = event else { continue }
                kinds.append(event.kind)
                if event.member.tags["life"] == "second" { break }
            }
            #expect(kinds == [.joined, .updated])
            for member in [first, successor] { await member.shutdown() }
        }
    }

    @Test func `a seed may be a host name`() async throws {
        try await onLoop { loop in
            var atLoopback = localConfiguration("first")
            atLoopback.bind = .loopback(port: 0)
            let first = Membership(atLoopback, on: loop)
            try await first.start()
            let port = try #require(await first.localAddress?.port)
            let second = Membership(
                localConfiguration("second", seeds: [Endpoint(host: "localhost", port: port)]), on: loop)
            let events = await second.events()
            try await second.start()
            for await event in events {
                if case .joined(let seed) = event {
                    #expect(seed.host == "localhost")
                    break
                }
            }
            for membership in [first, second] { await membership.shutdown() }
        }
    }

    @Test func `members speak IPv6`() async throws {
        try await onLoop { loop in
            var onIPv6 = localConfiguration("first")
            onIPv6.bind = try #require(SocketAddress("::1", port: 0))
            onIPv6.keys = [[UInt8](repeating: 3, count: 32)]
            let first = Membership(onIPv6, on: loop)
            do { try await first.start() } catch let error as MembershipError where error.code == .addressNotAvailable {
                return print("SKIPPED, this machine has no IPv6: members speak IPv6")
            }
            onIPv6.name = "second"
            onIPv6.seeds = [try endpoint(await first.localAddress)]
            let second = Membership(onIPv6, on: loop)
            try await second.start()
            #expect(await eventually { await isAlive("second", at: first) })
            #expect(await eventually { await isAlive("first", at: second) })
            #expect(await second.member(named: "first")?.address.description == first.localAddress?.description)
            for membership in [first, second] { await membership.shutdown() }
        }
    }

    @Test func `a seed that starts later is found`() async throws {
        try await onLoop { loop in
            var late = localConfiguration("late")
            late.bind.port = 7946
            let early = Membership(
                localConfiguration("early", seeds: [Endpoint(host: late.bind.hostText, port: 7946)]), on: loop)
            let events = await early.events()
            try await early.start()
            for await event in events {
                guard case .joinFailed(_, let reason, let isKeyMismatch) = event else { continue }
                #expect(reason.contains("connection refused") && !isKeyMismatch)
                break
            }
            let seed = Membership(late, on: loop)
            try await seed.start()
            #expect(await eventually { await isAlive("early", at: seed) })
            await early.shutdown()
            await seed.shutdown()
        }
    }

    @Test func `a port in use is reported with what to do, and nothing stays open`() async throws {
        try await onLoop { loop in
            let first = Membership(localConfiguration("first"), on: loop)
            try await first.start()
            var same = localConfiguration("second")
            same.bind = try #require(await first.localAddress)
            let second = Membership(same, on: loop)
            let error = await #expect(throws: MembershipError.self) { try await second.start() }
            #expect(error?.code == .addressInUse)
            #expect(error?.description.contains("\(same.bind)") == true)
            await first.shutdown()
        }
    }

    private static let wrong: [(bind: SocketAddress, name: String, code: MembershipError.Code)] = [
        (.any(port: 0), "a", .noAdvertisedAddress), (.loopback(port: 0), "no spaces", .invalidConfiguration),
        (SocketAddress(host: .v4(192, 0, 2, 1), port: 0), "a", .addressNotAvailable),
    ]

    @Test(arguments: wrong)
    func `a start that cannot work fails at once`(
        bind: SocketAddress, name: String, code: MembershipError.Code
    ) async throws {
        try await onLoop { loop in
            let membership = Membership(MembershipConfiguration(name: name, bind: bind), on: loop)
            let error = await #expect(throws: MembershipError.self) { try await membership.start() }
            #expect(error?.code == code)
        }
    }

    @Test func `connections beyond the limit and those that say nothing are closed`() async throws {
        try await onLoop { loop in
            var configuration = localConfiguration("first")
            configuration.inboundStreamLimit = 4  // Two for one address.
            let membership = Membership(configuration, on: loop)
            try await membership.start()
            let address = try #require(await membership.localAddress)
            var ends: [Ending] = []
            for _ in 0..<5 { ends.append(try Ending(connectingTo: address, on: loop)) }
            let all = ends
            #expect(await eventually { all.allSatisfy(\.isEnded) }, "TCPTimeout is one second here")
            #expect(await membership.refusedStreams == 3)
            await membership.shutdown()
        }
    }

    @Test func `of IPv6 a whole network counts as one source, but each member in it alone`() throws {
        func address(_ text: String) throws -> SocketAddress { try #require(SocketAddress(text, port: 7946)) }
        let members = try ["fd00::1", "10.0.0.1"].map { MemberAddress(try address($0)) }
        let cases = [
            ("fd00::1", "fd00::1"), ("fd00::2", "fd00::"), ("fd00:0:0:1::1", "fd00:0:0:1::"), ("10.0.0.1", "10.0.0.1"),
            ("10.0.0.2", "10.0.0.2"),
        ]
        for (source, holder) in cases {
            let (source, holder) = (try address(source), try address(holder).host)
            #expect(Membership.holder(of: source, among: members) == holder, "\(source)")
        }
    }

    @Test func `a stranger with many connections leaves room for members`() async throws {
        try await onLoop { loop in
            var configuration = localConfiguration("first")
            configuration.inboundStreamLimit = 4
            configuration.settings.streamTimeout = .seconds(60)
            let first = Membership(configuration, on: loop)
            try await first.start()
            let address = try #require(await first.localAddress)
            let stranger = freshAddress()
            let sockets = try await loop.offload { () throws(BlockingSocket.Failure) in
                var sockets: [BlockingSocket] = []
                while sockets.count < 8 { sockets.append(try BlockingSocket(from: stranger, to: address)) }
                return sockets
            }
            #expect(await eventually { await first.refusedStreams >= 6 })
            let second = Membership(localConfiguration("second", seeds: [try endpoint(address)]), on: loop)
            try await second.start()
            #expect(await eventually { await isAlive("second", at: first) })
            withExtendedLifetime(sockets) {}
            await second.shutdown()
            await first.shutdown()
        }
    }
}

/// A connection that only waits for its end.
private final class Ending: TCPStreamDelegate {
    private(set) var isEnded = false
    private let stream: TCPStream

    init(connectingTo address: SocketAddress, on loop: EventLoop) throws {
        stream = try TCPStream(on: loop)
        stream.delegate = self
        stream.connect(to: address) { [self] error in error == nil ? stream.startReading() : end() }
    }

    private func end() {
        isEnded = true
        stream.close()
    }

    func streamDidRead(_: RawSpan) {}
    func streamDidEnd() { end() }
    func streamDidDrain() {}
    func streamDidFail(_: UVError) { end() }
}
