import Foundation
import IgropyrGossip
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrMembership

/// One of ours and a real Serf agent in one cluster.
@Suite(.serialized, .timeLimit(.minutes(5))) struct SerfInteropTests {
    private static let key = [UInt8](0..<32)

    private func configuration(
        _ name: String, key: [UInt8]? = nil, seeds: [SocketAddress] = []
    ) -> MembershipConfiguration {
        var configuration = MembershipConfiguration(name: name, bind: freshAddress(port: 0))
        configuration.settings = .local
        configuration.keys = key.map { [$0] } ?? []
        configuration.tags = ["igropyr": "node", "control": "7947"]
        configuration.seeds = seeds.map { Endpoint(host: $0.hostText, port: $0.port) }
        configuration.logger.logLevel = .warning
        return configuration
    }

    private func status(of name: String, at membership: Membership) async -> Member.Status? {
        await membership.member(named: name)?.status
    }

    @Test(arguments: [nil, key]) func `we join an agent, and each lists the other alive`(key: [UInt8]?) async throws {
        guard SerfAgent.isInstalled(for: "joining an agent") else { return }
        let agent = try SerfAgent("agent", key: key, tags: ["role": "web"])
        #expect(await agent.waitUntilReady())
        try await onLoop { loop in
            let membership = Membership(configuration("ours", key: key, seeds: [agent.address]), on: loop)
            try await membership.start()
            #expect(await eventually { await status(of: "agent", at: membership) == .alive })
            #expect(await membership.member(named: "agent")?.tags == ["role": "web"])
            #expect(await eventually { await agent.members()["ours"]?.status == "alive" })
            let line = await agent.members()["ours"]
            #expect(line?.tags == ["igropyr": "node", "control": "7947"])
            #expect(await line?.addr == membership.localAddress?.description)
            try await membership.updateTags(["igropyr": "node", "version": "2"])
            #expect(await eventually { await agent.members()["ours"]?.tags["version"] == "2" })
            await membership.leave()
            #expect(await eventually { await agent.members()["ours"]?.status == "left" }, "\(agent.output)")
        }
    }

    @Test(arguments: [nil, key]) func `an agent joins us; dead, it has failed`(key: [UInt8]?) async throws {
        guard SerfAgent.isInstalled(for: "being joined by an agent") else { return }
        try await onLoop { loop in
            let membership = Membership(configuration("ours", key: key), on: loop)
            try await membership.start()
            let agent = try SerfAgent("agent", key: key, joining: await membership.localAddress)
            #expect(await eventually { await status(of: "agent", at: membership) == .alive })
            #expect(await eventually { await agent.members()["ours"]?.status == "alive" })
            agent.signal(SIGKILL)
            #expect(await eventually { await status(of: "agent", at: membership) == .failed })
            await membership.shutdown()
        }
    }

    @Test func `dead, we have failed; back, we are alive; an agent that leaves has left`() async throws {
        guard SerfAgent.isInstalled(for: "failing and coming back") else { return }
        let agent = try SerfAgent("agent")
        #expect(await agent.waitUntilReady())
        try await onLoop { loop in
            var configuration = configuration("ours", seeds: [agent.address])
            let first = Membership(configuration, on: loop)
            try await first.start()
            #expect(await eventually { await agent.members()["ours"]?.status == "alive" })
            configuration.bind.port = await first.localAddress?.port ?? 0
            await first.shutdown()
            #expect(await eventually { await agent.members()["ours"]?.status == "failed" })

            let second = Membership(configuration, on: loop)
            try await second.start()
            #expect(await eventually { await agent.members()["ours"]?.status == "alive" })
            #expect(await eventually { await status(of: "agent", at: second) == .alive })
            agent.signal(SIGINT)
            #expect(await eventually { await status(of: "agent", at: second) == .left })
            await second.shutdown()
        }
    }

    /// It lives and was only slow; to it we would have failed.
    @Test func `who leaves says so to an agent, too, that it takes for failed`() async throws {
        guard SerfAgent.isInstalled(for: "leaving one that seems to have failed") else { return }
        let agent = try SerfAgent("agent")
        #expect(await agent.waitUntilReady())
        try await onLoop { loop in
            let membership = Membership(configuration("ours", seeds: [agent.address]), on: loop)
            try await membership.start()
            #expect(await eventually { await agent.members()["ours"]?.status == "alive" })
            agent.signal(SIGSTOP)
            #expect(await eventually { await status(of: "agent", at: membership) == .failed })
            async let left: Void = membership.leave()
            agent.signal(SIGCONT)
            await left
            #expect(await eventually { await agent.members()["ours"]?.status == "left" }, "\(agent.output)")
        }
    }

    @Test func `events and queries go both ways`() async throws {
        guard SerfAgent.isInstalled(for: "events and queries") else { return }
        let agent = try SerfAgent("agent", key: Self.key)
        #expect(await agent.waitUntilReady())
        try await onLoop { loop in
            let membership = Membership(configuration("ours", key: Self.key, seeds: [agent.address]), on: loop)
            let events = await membership.events()
            try await membership.start()
            #expect(await eventually { await agent.members()["ours"]?.status == "alive" })

            try await membership.sendUserEvent("from-us", payload: Array("v1".utf8))
            #expect(await eventually { agent.output.contains("user-event: from-us") })

            let answering = Task(executorPreference: loop) {
                var names: [String] = []
                for await event in events {
                    switch event {
                    case .userEvent(let event) where event.name == "from-agent":
                        names.append(event.name + ":" + String(decoding: event.payload, as: UTF8.self))
                    case .query(let query): try await membership.respond(to: query.id, with: Array("42".utf8))
                    default: break
                    }
                }
                return names
            }
            await agent.run("event", "from-agent", "hello")
            let answer = await agent.run("query", "-timeout=8s", "-format=json", "answer", "?")
            #expect(answer.contains("\"ours\": \"42\""), "\(answer)")
            let reachable = await agent.run("reachability")
            #expect(reachable.contains("Successfully contacted all live nodes"), "\(reachable)")
            let asked = try await membership.query("anybody", timeout: .seconds(6))
            #expect(asked.acks == ["agent", "ours"])
            await membership.shutdown()
            #expect(try await answering.value == ["from-agent:hello"])
        }
    }

    @Test func `an operator rotates our key by the agent`() async throws {
        guard SerfAgent.isInstalled(for: "key rotation") else { return }
        let agent = try SerfAgent("agent", key: Self.key)
        #expect(await agent.waitUntilReady())
        try await onLoop { loop in
            let membership = Membership(configuration("ours", key: Self.key, seeds: [agent.address]), on: loop)
            let events = await membership.events()
            try await membership.start()
            #expect(await eventually { await agent.members()["ours"]?.status == "alive" })
            let new = [UInt8](100..<132)
            let text = Data(new).base64EncodedString()
            for command in ["-install=\(text)", "-use=\(text)", "-remove=\(Data(Self.key).base64EncodedString())"] {
                let output = await agent.run("keys", command)
                #expect(output.contains("Successfully"), "\(output)")
            }
            #expect(await agent.run("keys", "-list").contains(text))
            var keys: [[UInt8]] = []
            for await event in events {
                if case .keysChanged(let changed) = event { keys = changed }
                if keys == [new] { break }
            }
            #expect(await status(of: "agent", at: membership) == .alive)
            await membership.shutdown()
        }
    }

    @Test func `we rotate the agent's key`() async throws {
        guard SerfAgent.isInstalled(for: "rotating an agent's key") else { return }
        let agent = try SerfAgent("agent", key: Self.key)
        #expect(await agent.waitUntilReady())
        try await onLoop { loop in
            let membership = Membership(configuration("ours", key: Self.key, seeds: [agent.address]), on: loop)
            try await membership.start()
            #expect(await eventually { await agent.members()["ours"]?.status == "alive" })
            let new = [UInt8](100..<132)
            func change(_ operation: KeyOperation) async throws -> [String: KeyResponse] {
                let query = try await membership.changeKeys(operation, timeout: .seconds(60))
                #expect(query.asked == ["agent", "ours"])
                var responses: [String: KeyResponse] = [:]
                for await case .answer(let member, let payload) in query.replies {
                    responses[member] = try KeyResponse(payload: payload)
                    if responses.count == 2 { break }
                }
                return responses
            }
            let early = try await change(.use(new))
            #expect(early.values.allSatisfy { !$0.isSuccess && !$0.message.isEmpty }, "nobody has it yet")
            for operation in [.install(new), .use(new), .remove(Self.key)] as [KeyOperation] {
                let responses = try await change(operation)
                #expect(responses.count == 2 && responses.values.allSatisfy(\.isSuccess), "\(responses)")
            }
            let names = [Data(new).base64EncodedString()]
            #expect(try await change(.list).mapValues(\.keys) == ["agent": names, "ours": names])
            #expect(await agent.run("keys", "-list").contains("\(names[0])  [2/2]"))
            #expect(await status(of: "agent", at: membership) == .alive)
            await membership.shutdown()
        }
    }

    @Test func `an agent answers those of our queries that are for it, by relays too`() async throws {
        guard SerfAgent.isInstalled(for: "asking an agent") else { return }
        let agent = try SerfAgent("agent", tags: ["role": "web"], handler: "query:load=cat; echo -n ' 0.5'")
        #expect(await agent.waitUntilReady())
        try await onLoop { loop in
            let membership = Membership(configuration("ours", seeds: [agent.address]), on: loop)
            let third = Membership(configuration("third", seeds: [agent.address]), on: loop)
            for member in [membership, third] { try await member.start() }
            #expect(await eventually { await membership.members.count == 3 })
            var request = QueryRequest("load", payload: Array("now".utf8))
            request.tags = ["role": "^web$"]
            request.relayFactor = 1
            request.timeout = .seconds(60)
            let query = try await membership.query(request)
            #expect(query.asked == ["agent"])
            var replies: [String] = []
            for await reply in query.replies {
                switch reply {
                case .ack(let member): replies.append("ack of \(member)")
                case .answer(let member, let payload):
                    replies.append("\(member): \(String(decoding: payload, as: UTF8.self))")
                }
                if replies.count == 2 { break }
            }
            #expect(replies == ["ack of agent", "agent: now\n 0.5"])
            let everybody = try await membership.pingAll(timeout: .seconds(60))
            var acks: Set<String> = []
            for await case .ack(let member) in everybody.replies {
                acks.insert(member)
                if acks.count == 3 { break }
            }
            #expect(acks == Set(everybody.asked) && acks == ["agent", "ours", "third"])
            for member in [membership, third] { await member.shutdown() }
        }
    }

    @Test func `agent and we know each other's coordinates`() async throws {
        guard SerfAgent.isInstalled(for: "network coordinates") else { return }
        let agent = try SerfAgent("agent")
        #expect(await agent.waitUntilReady())
        try await onLoop { loop in
            let membership = Membership(configuration("ours", seeds: [agent.address]), on: loop)
            try await membership.start()
            #expect(await eventually { await membership.coordinates.keys.sorted() == ["agent", "ours"] })
            #expect(await eventually { await agent.run("rtt", "ours").contains("Estimated ours <-> agent rtt") })
            let known = await membership.coordinates
            let (agents, ours) = (try #require(known["agent"]), try #require(known["ours"]))
            #expect(ours.error < 1.5 && agents.error <= 1.5, "both have moved")
            #expect(ours.roundTrip(to: agents) > .zero && ours.roundTrip(to: agents) < .seconds(10))
            await membership.shutdown()
        }
    }

    @Test func `of two hosts with one name, the one that the others know stays`() async throws {
        guard SerfAgent.isInstalled(for: "a contested name") else { return }
        let agent = try SerfAgent("agent")
        #expect(await agent.waitUntilReady())
        try await onLoop { loop in
            let rightful = Membership(configuration("twin", seeds: [agent.address]), on: loop)
            try await rightful.start()
            #expect(await eventually { await agent.members()["twin"]?.status == "alive" })
            let third = Membership(configuration("third", seeds: [agent.address]), on: loop)
            try await third.start()
            #expect(await eventually { await third.members.count == 3 })
            let usurper = Membership(configuration("twin", seeds: [agent.address]), on: loop)
            let events = await usurper.events()
            try await usurper.start()
            var lost: SocketAddress?
            for await event in events {
                if case .nameLost("twin", let address) = event { lost = address }
            }
            #expect(lost == (await rightful.localAddress), "the stream ends with it")
            #expect(await usurper.localAddress == nil)
            #expect(await rightful.localAddress != nil)
            #expect(await third.member(named: "twin")?.status == .alive)
            for member in [rightful, third] { await member.shutdown() }
        }
    }

    @Test(arguments: [nil, [UInt8](repeating: 9, count: 32)])
    func `an agent with another key is told apart from one that is not there`(key: [UInt8]?) async throws {
        guard SerfAgent.isInstalled(for: "a wrong key") else { return }
        let agent = try SerfAgent("agent", key: Self.key)
        #expect(await agent.waitUntilReady())
        try await onLoop { loop in
            let membership = Membership(configuration("ours", key: key, seeds: [agent.address]), on: loop)
            let events = await membership.events()
            try await membership.start()
            for await event in events {
                guard case .joinFailed(let seed, let reason, let isKeyMismatch) = event else { continue }
                #expect(isKeyMismatch && seed.host == agent.address.hostText)
                #expect(reason.contains("--key-file"), "\(reason)")
                break
            }
            await membership.shutdown()
        }
    }
}
