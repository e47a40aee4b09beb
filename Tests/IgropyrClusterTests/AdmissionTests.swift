import IgropyrMembership
import IgropyrOrchestration
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrCluster

private let key = ClusterKey(bytes: [UInt8](1...32))!
private let otherKey = ClusterKey(bytes: [UInt8](101...132))!

private func token(from key: ClusterKey = key, lifetime: Int = 600, at now: UnixTime = .now) -> JoinToken {
    var generator = SplitMix(seed: 1)
    return JoinToken(from: key, lifetime: lifetime, at: now, using: &generator)
}

@Suite struct `A join token` {
    @Test func `reads back, and shows itself to nobody by accident`() throws {
        let token = token()
        #expect(JoinToken(text: token.text) == token)
        #expect("\(token)" == "JoinToken(\(token.number))")
        var damaged = Array(token.text)
        for index in damaged.indices {
            let character = damaged[index]
            damaged[index] = "!"
            #expect(JoinToken(text: String(damaged)) != token)
            damaged[index] = character
        }
        for text in ["", "igropyr-join", "igropyr-join....", token.text + "A", String(token.text.dropLast())] {
            #expect(JoinToken(text: text) == nil, "\(text)")
        }
    }

    @Test func `is good for its time, for the key that it was made from`() {
        let now = UnixTime(milliseconds: 1_800_000_000_000)
        let token = token(lifetime: 60, at: now)
        let rows: [(keys: [ClusterKey], milliseconds: Int64, isTaken: Bool)] = [
            ([key], 0, true), ([key], 59_999, true), ([key], 60_000, false), ([otherKey, key], 0, true),
            ([otherKey], 0, false), ([key], -31 * 86_400_000, false),
        ]
        for row in rows {
            let clock = now.advanced(byMilliseconds: row.milliseconds)
            let taken = JoinToken.issuer(of: row.keys) { clock }(token.name)
            #expect((taken != nil) == row.isTaken, "\(row)")
        }
    }

    @Test(arguments: ["", "join", "join a b c d", "join   ", "join 0 9223372036854775807 0", "join 0 -1 0"])
    func `is none under another name`(name: String) {
        let fingerprint = key.fingerprint
        let names = [name, name.replacing(" 0", with: " \(fingerprint)"), "join \(fingerprint) +1800000000 12345678"]
        for name in names {
            #expect(JoinToken.issuer(of: [key]) { UnixTime(milliseconds: 1_799_999_999_000) }(name) == nil, "\(name)")
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct `A host without the cluster's key` {
    @Test func `is given it for a token, and nothing else`() async throws {
        try await onLoop { loop in
            let node = try await SampleNode("a", on: loop, key: key)
            let folder = try TemporaryFolder()
            let path = try await Admission.keyFile(
                by: token(), from: [freshAddress(), node.control], inDataFolder: folder("data"), on: loop)
            #expect(try ClusterKey(fileAt: path) == key)
            #expect(Admission.keyFile(inDataFolder: folder("data")) == path)
            let stranger = try ControlClient(on: loop, token: token())
            let refusal = await #expect(throws: ControlError.self) { try await stranger.status(of: node.control) }
            #expect(refusal?.code == .refused(status: 403))
            await stranger.close()
            let client = try ControlClient(on: loop, key: key)
            let entries = try await client.audit(of: node.control).entries
            #expect(entries.map(\.action) == [.admit] && entries[0].detail.hasSuffix(token().number))
            await client.close()
            await node.agent.stop()
        }
    }

    @Test func `is turned away with what is not good any more`() async throws {
        try await onLoop { loop in
            let node = try await SampleNode("a", on: loop, key: key)
            let folder = try TemporaryFolder()
            let late = token(at: UnixTime.now.advanced(byMilliseconds: -600_000))
            for token in [token(from: otherKey), late] {
                let refusal = await #expect(throws: ControlError.self) {
                    try await Admission.keyFile(
                        by: token, from: [node.control], inDataFolder: folder("data"), on: loop)
                }
                #expect(refusal?.code == .wrongKey && refusal?.description.contains("igropyr token") == true)
            }
            #expect(Admission.keyFile(inDataFolder: folder("data")) == nil)
            await node.agent.stop()
        }
    }

    @Test func `goes on past who is no node, and past who does not take its word`() async throws {
        try await onLoop { loop in
            let (node, other) = (try await SampleNode("a", on: loop, key: key), try await SampleNode("b", on: loop))
            let folder = try TemporaryFolder()
            let addresses = [other.control, node.control]  // The first has no key, and speaks plain HTTP.
            _ = try await Admission.keyFile(by: token(), from: addresses, inDataFolder: folder("data"), on: loop)
            #expect(Admission.keyFile(inDataFolder: folder("data")) != nil)
            let failure = await #expect(throws: ControlError.self) {
                try await Admission.keyFile(
                    by: token(from: otherKey), from: addresses + [freshAddress()], inDataFolder: folder("none"),
                    on: loop)
            }
            #expect(failure?.code == .wrongKey, "which is worth more than that one does not answer")
            await node.agent.stop()
            await other.agent.stop()
        }
    }

    @Test func `is told so where nobody answers`() async throws {
        try await onLoop { loop in
            let folder = try TemporaryFolder()
            let failure = await #expect(throws: ControlError.self) {
                try await Admission.keyFile(
                    by: token(), from: [freshAddress()], inDataFolder: folder("data"), on: loop)
            }
            #expect(failure?.code == .unreachable)
        }
    }

    /// That wants to be let in by whoever gossips there.
    private func membership(joining seeds: [SocketAddress], _ log: KeptLog) -> MembershipConfiguration {
        var membership = MembershipConfiguration(name: "b", bind: freshAddress())
        membership.seeds = seeds.map { Endpoint(host: $0.hostText, port: $0.port) }
        membership.logger = log.logger
        return membership
    }

    @Test func `asks on the port after that of gossip, again and again until it is let in`() async throws {
        let log = KeptLog()
        try await onLoop { loop in
            let folder = try TemporaryFolder()
            let gossip = freshAddress(port: 7946)
            let highest = SocketAddress(host: gossip.host, port: .max)  // No port comes after it.
            let membership = membership(joining: [highest, gossip], log)
            let path = Task(executorPreference: loop) {
                try await Admission.keyFile(
                    by: token(), askingBy: membership, inDataFolder: folder("data"), pause: .milliseconds(10), on: loop)
            }
            #expect(await eventually { log.count(of: "waiting to be let in") >= 2 })
            let node = try await SampleNode("a", on: loop, key: key, bind: gossip)
            #expect(try await ClusterKey(fileAt: path.value) == key)
            await node.agent.stop()
        }
    }

    @Test func `waits no longer than its token is good, or its task wants it to`() async throws {
        try await onLoop { loop in
            let folder = try TemporaryFolder()
            let log = KeptLog()
            let membership = membership(joining: [freshAddress(port: 7946)], log)
            func ask(_ token: JoinToken, _ membership: MembershipConfiguration) async throws -> String {
                try await Admission.keyFile(
                    by: token, askingBy: membership, inDataFolder: folder("data"), pause: .milliseconds(10), on: loop)
            }
            let refusal = await #expect(throws: ControlError.self) { _ = try await ask(token(lifetime: 5), membership) }
            #expect(refusal?.code == .wrongKey && refusal?.description.contains("expired") == true)
            #expect(log.count(of: "waiting to be let in") >= 1)
            await #expect(throws: MembershipError.self) {
                _ = try await ask(token(), self.membership(joining: [], log))
            }
            let waiting = Task(executorPreference: loop) { try await ask(token(), membership) }
            waiting.cancel()
            await #expect(throws: (any Error).self) { _ = try await waiting.value }
        }
    }
}
