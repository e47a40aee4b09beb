import Foundation
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrCluster

@Suite(.timeLimit(.minutes(5))) struct `The control API of the gossip` {
    private let key = ClusterKey(bytes: [UInt8](1...32))!
    private let newKey = ClusterKey(bytes: [UInt8](101...132))!

    private func pair(on loop: EventLoop) async throws -> (SampleNode, SampleNode, ControlClient) {
        let first = try await SampleNode("a", on: loop, key: key)
        let second = try await SampleNode("b", on: loop, joining: first, key: key)
        let client = try ControlClient(on: loop, key: key)
        try await eventually("they are two") {
            for node in [first, second] {
                guard try await client.members(of: node.control).members.count == 2 else { return false }
            }
            return true
        }
        return (first, second, client)
    }

    private func stop(_ nodes: SampleNode..., client: ControlClient) async {
        await client.close()
        for node in nodes { await node.agent.stop() }
    }

    @Test func `lists members, and how far they are once they have pinged each other`() async throws {
        try await onLoop { loop in
            let (first, second, client) = try await pair(on: loop)
            try await eventually("the round trip is known") {
                let members = try await client.members(of: first.control).members
                return members.map(\.name) == ["a", "b"] && members[0].roundTrip == nil && members[1].roundTrip != nil
            }
            #expect(try await client.members(of: first.control).members[1].tags["igropyr"] == "node")
            let report = try await client.coordinates(of: first.control)
            #expect(report.host == "a" && report.roundTrips["b"]?["a"] == report.roundTrips["a"]?["b"])
            await stop(first, second, client: client)
        }
    }

    @Test func `tells of events as they come, for as long as somebody listens`() async throws {
        try await onLoop { loop in
            let (first, second, client) = try await pair(on: loop)
            let lines = Locked<[EventLine]>([])
            let following = Task(executorPreference: loop) {
                try await client.events(of: first.control) { line in
                    lines.withLock { lines in
                        lines.append(line)
                        if case .member("left", _) = line { return false }
                        return true
                    }
                }
            }
            try await eventually("it has begun") { lines.withLock { !$0.isEmpty } }
            try await client.sendEvent(.init(name: "x", payload: Data("1".utf8), coalesces: false), by: second.control)
            try await eventually("the event has come") {
                lines.withLock { $0.contains { if case .userEvent = $0 { true } else { false } } }
            }
            await second.agent.stop()
            try await following.value
            let all = lines.withLock { $0 }
            guard case .started("a", let members) = all[0] else {
                Issue.record("\(all)")
                return
            }
            #expect(members.count == 2)
            #expect(all.contains { if case .userEvent("x", Data("1".utf8), _) = $0 { true } else { false } }, "\(all)")
            #expect(!all.contains { if case .userEvent("igropyr:state", _, _) = $0 { true } else { false } })
            let reserved = await #expect(throws: ControlError.self) {
                try await client.sendEvent(
                    .init(name: "igropyr:x", payload: Data(), coalesces: false), by: first.control)
            }
            #expect(reserved?.code == .refused(status: 422))
            await stop(first, client: client)
        }
    }

    @Test func `a stream ends when its node stops`() async throws {
        try await onLoop { loop in
            let (first, second, client) = try await pair(on: loop)
            let hasBegun = Locked(false)
            let following = Task(executorPreference: loop) {
                try await client.events(of: first.control) { _ in
                    hasBegun.withLock { $0 = true }
                    return true
                }
            }
            try await eventually("it has begun") { hasBegun.withLock { $0 } }
            await first.agent.stop()
            // In peace, or in the middle if it takes too long: never for the key.
            do { try await following.value } catch let error as ControlError { #expect(error.code == .unreachable) }
            await stop(second, client: client)
        }
    }

    @Test func `asks everybody, and says who should answer`() async throws {
        try await onLoop { loop in
            let (first, second, client) = try await pair(on: loop)
            let lines = Locked<[ReplyLine]>([])
            let collect: @Sendable (ReplyLine) -> Bool = { line in
                lines.withLock { $0.append(line) }
                return true
            }
            var question = QuestionMessage(name: nil)
            question.timeout = 5
            try await client.query(question, by: first.control, onLine: collect)
            let all = lines.withLock { $0 }
            #expect(all.first == .asked(members: ["a", "b"]) && all.last == .finished)
            #expect(Set(all.dropFirst().dropLast()) == [.acked(member: "a"), .acked(member: "b")])

            question.timeout = 0
            let refused = await #expect(throws: ControlError.self) {
                try await client.query(question, by: first.control, onLine: collect)
            }
            #expect(refused?.code == .refused(status: 422))
            await stop(first, second, client: client)
        }
    }

    private func change(
        _ message: KeysMessage, by node: SampleNode, _ client: ControlClient
    ) async throws -> [String: KeyOutcome] {
        let outcomes = Locked<[String: KeyOutcome]>([:])
        var message = message
        message.timeout = 60  // It ends with the second outcome.
        try await client.keys(message, by: node.control) { line in
            outcomes.withLock { outcomes in
                if case .keys(let member, let outcome) = line { outcomes[member] = outcome }
                return outcomes.count < 2
            }
        }
        return outcomes.withLock { $0 }
    }

    @Test func `changes the key of all, control connections included, and a restart has the new one`() async throws {
        try await onLoop { loop in
            let (first, second, client) = try await pair(on: loop)
            for message in [KeysMessage(.add, key: newKey), .init(.use, fingerprint: newKey.fingerprint)] {
                let outcomes = try await change(message, by: first, client)
                #expect(outcomes.count == 2 && outcomes.values.allSatisfy(\.isDone), "\(outcomes)")
            }
            try await client.use(newKey)
            let unknown = await #expect(throws: ControlError.self) {
                try await change(.init(.remove, fingerprint: "000000"), by: first, client)
            }
            #expect(unknown?.description.contains(key.fingerprint) == true)
            let listed = try await change(.init(.list), by: first, client)
            #expect(
                listed.mapValues(\.fingerprints)
                    == ["a", "b"].reduce(into: [:]) {
                        $0[$1] = [newKey.fingerprint, key.fingerprint]
                    })
            let old = try ControlClient(on: loop, key: key)
            _ = try await old.members(of: second.control)
            // Again until both have heard it, though the one that is asked has forgotten the key meanwhile.
            try await eventually("both have removed it") {
                let outcomes = try await change(.init(.remove, fingerprint: key.fingerprint), by: first, client)
                return outcomes.count == 2 && outcomes.values.allSatisfy(\.isDone)
            }
            try await eventually("the old key opens nothing, nor does a connection that it had opened") {
                do throws(ControlError) { _ = try await old.members(of: second.control) } catch {
                    return error.code == .wrongKey
                }
                return false
            }
            await old.close()
            let changes = try await client.audit(of: first.control).entries.filter { $0.action == .keys }.map(\.detail)
            #expect(changes.starts(with: ["add \(newKey.fingerprint)", "use \(newKey.fingerprint)"]))
            #expect(changes.last == "remove \(key.fingerprint)")

            await second.agent.stop()
            let again = try await SampleNode("b", on: loop, joining: first, key: key, folder: second.folder)
            try await eventually("it is back, by the key that it has kept") {
                try await client.members(of: first.control).members.contains { $0.name == "b" && $0.status == .alive }
            }
            let announced = try #require(NodeFile.read(fromDataFolder: again.folder("data"))?.keyFile)
            #expect(try ClusterKey(fileAt: announced) == newKey)
            await stop(first, again, client: client)
        }
    }

    @Test func `a key file that was exchanged counts, and one that is older than the keyring does not`() throws {
        let files = try TemporaryFolder()
        let folder = try DataFolder(at: files("data"))
        let other = ClusterKey(bytes: [UInt8](50...81))!
        #expect(try KeyringFile.keys(startingWith: key, from: folder) == [key])
        try KeyringFile(base: key, keys: [newKey]).write(to: folder)
        #expect(try KeyringFile.keys(startingWith: key, from: folder) == [newKey])
        #expect(try KeyringFile.keys(startingWith: newKey, from: folder) == [newKey])
        #expect(try KeyringFile.keys(startingWith: other, from: folder) == [other])
        let damaged = [
            "keys": "it is no JSON of this kind", "{}": "version is missing or of the wrong kind",
            #"{"version": 1, "base": "", "keys": ["none"]}"#: "what it has for a key is none",
        ]
        for (text, reason) in damaged {
            try folder.write(Array(text.utf8), to: KeyringFile.name)
            let error = #expect(throws: KeyringUnreadable.self) {
                try KeyringFile.keys(startingWith: key, from: folder)
            }
            #expect(error?.reason == reason)
        }
    }

    @Test func `has a node leave, and declares a failed one left`() async throws {
        try await onLoop { loop in
            let (first, second, client) = try await pair(on: loop)
            for (name, status) in [("a", 422), ("b", 409), ("nobody", 404)] {
                let error = await #expect(throws: ControlError.self) {
                    try await client.forceLeave(.init(name: name, isPruning: false), by: first.control)
                }
                #expect(error?.code == .refused(status: status), "\(name)")
            }
            try await client.leave(second.control)
            try await second.agent.waitUntilStopped()
            try await eventually("it has left") {
                try await client.members(of: first.control).members.last?.status == .left
            }
            try await client.forceLeave(.init(name: "b", isPruning: true), by: first.control)
            #expect(try await client.members(of: first.control).members.map(\.name) == ["a"])
            let change = try await client.audit(of: first.control).entries.last
            #expect(change?.action == .forceLeave && change?.detail == "b, forgotten")
            await stop(first, client: client)
        }
    }
}
