import Foundation
import IgropyrGossip
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrMembership

/// How members find each other.
@Suite(.timeLimit(.minutes(5))) struct FirstContactTests {
    private func sees(_ count: Int, _ member: Membership) async -> Bool {
        await member.members.count { $0.status == .alive } == count
    }

    // MARK: - Names

    /// A real name server on a port of its own.
    private final class NameServer: Sendable {
        let address: SocketAddress
        private let process: BackgroundCommand

        /// Nil, and said so, where Debian's package dnsmasq-base is missing. `rules`: dnsmasq's options.
        init?(for test: String, _ rules: [String]) throws {
            let program = "/usr/sbin/dnsmasq"
            guard FileManager.default.isExecutableFile(atPath: program) else {
                print("SKIPPED, Debian's package dnsmasq-base is not installed: \(test)")
                return nil
            }
            address = freshAddress(port: 5300)
            process = try BackgroundCommand(
                [
                    program, "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
                    "--log-queries",
                    "--log-facility=-", "--pid-file=", "--user=root", "--bind-interfaces", "--port=\(address.port)",
                    "--listen-address=\(address.hostText)", "--local=/example.org/",
                ] + rules)
        }

        deinit { process.signal(SIGKILL) }

        var log: String { process.errors + process.output }
    }

    @Test func `members are found by SRV records, with the addresses that come along or are asked for`() async throws {
        try await onLoop { loop in
            let seed = Membership(localConfiguration("seed"), on: loop)
            try await seed.start()
            let address = try #require(await seed.localAddress)
            let rules = [
                "--srv-host=_igropyr._udp.example.org,gone.example.org,\(address.port),5,0",
                "--srv-host=_igropyr._udp.example.org,node.example.org,\(address.port),10,0",
                "--host-record=node.example.org,\(address.hostText)",
            ]
            guard let server = try NameServer(for: "SRV records", rules) else { return await seed.shutdown() }
            var ours = localConfiguration("ours")
            ours.seedServices = ["_igropyr._udp.example.org"]
            ours.nameServer = server.address
            let member = Membership(ours, on: loop)
            let events = await member.events()
            try await member.start()
            for await event in events {
                guard case .joined(let seed) = event else { continue }
                #expect(seed == (try endpoint(address)))
                break
            }
            #expect(await eventually { await sees(2, seed) }, "\(server.log)")
            for member in [member, seed] { await member.shutdown() }
        }
    }

    @Test func `a service that is not there is told, and asked about again`() async throws {
        try await onLoop { loop in
            guard let server = try NameServer(for: "a missing service", []) else { return }
            var ours = localConfiguration("ours")
            ours.seedServices = ["_none._udp.example.org"]
            ours.nameServer = server.address
            let member = Membership(ours, on: loop)
            let events = await member.events()
            try await member.start()
            for await event in events {
                guard case .joinFailed(let seed, let reason, let isKeyMismatch) = event,
                    reason.contains("unknown")
                else { continue }
                #expect(seed.host == "_none._udp.example.org" && !isKeyMismatch)
                #expect(reason.contains("_none._udp.example.org"), "\(reason)")
                break
            }
            #expect(await eventually { server.log.ranges(of: "query[SRV] _none._udp.example.org").count > 1 })
            await member.shutdown()
        }
    }

    @Test func `every address of a host name is asked`() async throws {
        try await onLoop { loop in
            var there = localConfiguration("there")
            there.bind = .loopback(port: 0)
            let seed = Membership(there, on: loop)
            try await seed.start()
            let port = try #require(await seed.localAddress?.port)
            // Where `localhost` is ::1, too, nobody listens there.
            let member = Membership(
                localConfiguration("ours", seeds: [Endpoint(host: "localhost", port: port)]), on: loop)
            try await member.start()
            #expect(await eventually { await sees(2, member) })
            for member in [member, seed] { await member.shutdown() }
        }
    }

    // MARK: - Finding back

    @Test func `two parts of a cluster find each other by members that one remembers, though it is not alone`()
        async throws
    {
        try await onLoop { loop in
            var farConfiguration = localConfiguration("far-1")
            farConfiguration.bind.port = 7946
            var nearConfiguration = localConfiguration("near-1")
            nearConfiguration.rememberedPeers = [farConfiguration.bind]
            let near = Membership(nearConfiguration, on: loop)
            try await near.start()
            let other = Membership(
                localConfiguration("near-2", seeds: [try endpoint(await near.localAddress)]), on: loop)
            try await other.start()
            #expect(await eventually { await sees(2, near) })
            let far = Membership(farConfiguration, on: loop)
            try await far.start()
            let last = Membership(localConfiguration("far-2", seeds: [try endpoint(await far.localAddress)]), on: loop)
            try await last.start()
            for member in [near, other, far, last] {
                #expect(await eventually { await sees(4, member) })
            }
            for member in [near, other, far, last] { await member.shutdown() }
        }
    }

    @Test func `a host that starts again at another address is let in under its name`() async throws {
        try await onLoop { loop in
            let first = Membership(localConfiguration("first"), on: loop)
            try await first.start()
            let seed = try endpoint(await first.localAddress)
            let second = Membership(localConfiguration("second", seeds: [seed]), on: loop)
            let moving = Membership(localConfiguration("moving", seeds: [seed]), on: loop)
            for member in [second, moving] { try await member.start() }
            #expect(await eventually { await sees(3, first) })
            await moving.shutdown()
            // At once, while its old self still counts as alive.
            let moved = Membership(localConfiguration("moving", seeds: [seed]), on: loop)
            try await moved.start()
            let address = try #require(await moved.localAddress)
            for member in [first, second] {
                #expect(
                    await eventually {
                        let known = await member.member(named: "moving")
                        return known?.status == .alive && known?.address.description == address.description
                    })
            }
            #expect(await moved.localAddress == address, "it did not step down for its old self")
            for member in [first, second, moved] { await member.shutdown() }
        }
    }

    @Test func `who fails is remembered, who leaves is not`() async throws {
        try await onLoop { loop in
            let ours = Membership(localConfiguration("ours"), on: loop)
            try await ours.start()
            let seed = try endpoint(await ours.localAddress)
            let failing = Membership(localConfiguration("failing", seeds: [seed]), on: loop)
            let leaving = Membership(localConfiguration("leaving", seeds: [seed]), on: loop)
            for member in [failing, leaving] { try await member.start() }
            #expect(await eventually { await sees(3, ours) })
            let address = try #require(await failing.localAddress)
            #expect(await ours.rememberedPeers.count == 2)
            await leaving.leave()
            await failing.shutdown()
            #expect(await eventually { await ours.member(named: "failing")?.status == .failed })
            #expect(await eventually { await ours.rememberedPeers == [address] })
            await ours.shutdown()
        }
    }

    @Test func `what is remembered is bounded, and the oldest goes first`() {
        var book = SeedBook([], remembered: (1...70).map { .loopback(port: $0) })
        #expect(book.remembered.count == 64 && book.remembered.first == .loopback(port: 64))
        book.remember(.loopback(port: 64))
        book.remember(.loopback(port: 1_000))
        #expect(book.remembered.count == 64 && book.remembered.first == .loopback(port: 62))
        #expect(book.remembered.suffix(2) == [.loopback(port: 64), .loopback(port: 1_000)])
        book.forget(.loopback(port: 1_000))
        #expect(book.remembered.last == .loopback(port: 64))
    }

    @Test func `who lets us in again and again is told of once, until it has failed`() {
        let seed = Endpoint(host: "a.example", port: 7946)
        var book = SeedBook([seed])
        #expect([book.noteSuccess(of: seed), book.noteSuccess(of: seed)] == [true, false])
        let failures = ["refused", "refused", "late"].map { book.noteFailure(of: "\(seed)", $0) }
        #expect(failures == [true, false, true])
        #expect([book.noteSuccess(of: seed), book.noteSuccess(of: seed)] == [true, false])
    }

    @Test func `pauses grow to half a minute alone and to a minute in company, and shrink when somebody fails`() {
        var alone = SeedBook([])
        #expect((0..<7).map { _ in alone.nextPause(isAlone: true) / .seconds(1) } == [1, 2, 4, 8, 16, 30, 30])
        var inCompany = SeedBook([])
        #expect((0..<8).map { _ in inCompany.nextPause(isAlone: false) / .seconds(1) } == [1, 2, 4, 8, 16, 32, 60, 60])
        inCompany.hurry()
        #expect(inCompany.isFresh && inCompany.nextPause(isAlone: false) == .seconds(1))
    }

    // MARK: - Discovery

    @Test(arguments: ["", "a.b"]) func `a discovery that cannot work fails at the start`(cluster: String) async throws {
        try await onLoop { loop in
            var ours = localConfiguration("ours")
            ours.discovery = cluster
            ours.advertise = SocketAddress(parsing: "192.0.2.1:7946", defaultPort: 0)
            let member = Membership(ours, on: loop)
            let error = await #expect(throws: MembershipError.self) { try await member.start() }
            #expect(error?.code == .invalidConfiguration)
            #expect(await member.localAddress == nil)
        }
    }

    // MARK: - Members on other hosts

    /// Bound to loopback, it would be looked for by each of them on its own host.
    @Test(arguments: ["discovery", "memory"])
    func `who only this host reaches does not start to look for others elsewhere`(source: String) async throws {
        let elsewhere = try #require(SocketAddress(parsing: "192.0.2.7:7946", defaultPort: 0))
        try await onLoop { loop in
            var ours = localConfiguration("ours")
            switch source {
            case "discovery": ours.discovery = "shop"
            default: ours.rememberedPeers = [freshAddress(port: 7946), elsewhere]
            }
            let hidden = Membership(ours, on: loop)
            let error = await #expect(throws: MembershipError.self) { try await hidden.start() }
            #expect(error?.code == .invalidConfiguration && error?.description.contains("--bind") == true)
            #expect(await hidden.localAddress == nil)
            ours.discovery = nil
            ours.advertise = SocketAddress(parsing: "192.0.2.1:7946", defaultPort: 0)
            let reachable = Membership(ours, on: loop)
            try await reachable.start()
            await reachable.shutdown()
        }
    }

    private static let ownAddress = try? NetworkInterface.all().flatMap(\.addresses).first {
        if case .v4 = $0 { !SocketAddress(host: $0, port: 0).isLoopback } else { false }
    }

    /// Such as a second node that was started at the host's own address.
    @Test(.enabled(if: ownAddress != nil))
    func `who only this host reaches starts again beside members at other addresses of the host`() async throws {
        try await onLoop { loop in
            var ours = localConfiguration("ours")
            ours.rememberedPeers = [SocketAddress(host: try #require(Self.ownAddress), port: 7946)]
            let member = Membership(ours, on: loop)
            try await member.start()
            await member.shutdown()
        }
    }

    @Test func `who only this host reaches asks no seed elsewhere, and says why`() async throws {
        try await onLoop { loop in
            let member = Membership(
                localConfiguration("ours", seeds: [Endpoint(host: "192.0.2.7", port: 7946)]), on: loop)
            var events = await member.events().makeAsyncIterator()
            try await member.start()
            guard case .joinFailed(_, let reason, false) = await events.next() else {
                Issue.record("it has asked")
                return await member.shutdown()
            }
            #expect(reason.contains("192.0.2.7:7946") && reason.contains("--bind"))
            #expect(await !member.isAsking)
            await member.shutdown()
        }
    }
}

extension Membership {
    fileprivate var isAsking: Bool { !outbound.isEmpty }
}
