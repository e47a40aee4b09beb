import FoundationEssentials
import Testing

@testable import IgropyrOrchestration

@Suite struct `Certificates of the cluster` {
    private var state = ReplicatedState()
    private var clock = HybridClock(host: "a")

    @Test mutating func `the last decision about one wins, a removal is remembered, and then forgotten`() throws {
        let first = try state.setCertificate("x.test", content("a"), at: day, clock: &clock)
        let second = try state.setCertificate("x.test", content("b"), at: day, clock: &clock)
        #expect(first.timestamp < second.timestamp && state.certificates["x.test"] == second)
        #expect(state.removeCertificate("x.test", at: day, clock: &clock))
        #expect(!state.removeCertificate("x.test", at: day, clock: &clock))
        #expect(!state.removeCertificate("y.test", at: day, clock: &clock))
        var (peer, theirs) = (ReplicatedState(), HybridClock(host: "b"))
        _ = peer.apply(StateDelta(certificates: [second]), at: day, clock: &theirs)
        let change = peer.apply(state.delta(for: peer.digest), at: day, clock: &theirs)
        #expect(change.certificates == ["x.test"] && peer.certificates["x.test"]?.isTombstone == true)
        #expect(peer.apply(StateDelta(certificates: [second]), at: day, clock: &theirs).isEmpty, "it is older")
        state.collectTombstones(at: day.advanced(byMilliseconds: ReplicatedState.tombstoneMilliseconds + 1))
        #expect(state.certificates.isEmpty)
    }

    @Test mutating func `a host of an earlier edition is sent none, and says nothing of them`() throws {
        _ = try state.setCertificate("x.test", content(), at: day, clock: &clock)
        let earlier = #"{"version":1,"deployments":{},"hosts":{}}"#
        let digest = try JSONDecoder().decode(StateDigest.self, from: Data(earlier.utf8))
        #expect(state.delta(for: digest).isEmpty)
        #expect(state.delta(for: StateDigest()).certificates?.count == 1)
        let delta = try JSONDecoder().decode(
            StateDelta.self, from: Data(#"{"version":1,"deployments":[],"hosts":[],"isComplete":true}"#.utf8))
        #expect(state.apply(delta, at: day, clock: &clock).isEmpty && state.certificates.count == 1)
    }

    @Test mutating func `they come before the records of hosts, so that who knows hosts knows them all`() throws {
        for number in 0..<10 {
            let name = CertificateName(rawValue: "\(number).test")!
            _ = try state.setCertificate(name, content(), at: day, clock: &clock)
        }
        state.store(record("a"))
        let cut = state.delta(for: StateDigest(), maximumBytes: 2000)
        #expect(!cut.isComplete && cut.certificates?.isEmpty == false && cut.hosts.isEmpty)
    }

    @Test mutating func `under another key they are the same certificates`() throws {
        let old = try state.setCertificate("x.test", content("a"), at: day, clock: &clock)
        _ = try state.setCertificate("y.test", content("b"), at: day, clock: &clock)
        _ = state.removeCertificate("y.test", at: day, clock: &clock)
        let later = day.advanced(byMilliseconds: 60_000)
        let isNew = state.resealCertificates(at: later, clock: &clock) { name, value in
            name == "x.test" ? SealedValue(version: value.version, key: "other", box: "c") : nil
        }
        let new = try #require(state.certificates["x.test"])
        #expect(isNew && new.content?.sealed.key == "other" && new.timestamp > old.timestamp)
        #expect(old.content?.setAt == day && new.content?.setAt == day, "nobody has given it anew")
        #expect(!state.resealCertificates(at: day, clock: &clock) { _, _ in nil })
    }

    @Test mutating func `what peers say of them has bounds`() throws {
        var many = content()
        many.servers = Array(repeating: "x.test", count: StateLimits.serversOfCertificate + 1)
        var long = content()
        long.servers = [String(repeating: "x", count: StateLimits.serverBytes + 1)]
        var escape = content()
        escape.servers = ["\u{1b}[2J"]
        var large = content()
        large.sealed.box = String(repeating: "A", count: StateLimits.sealedBytes + 1)
        for (content, code) in [
            (many, .tooMany), (long, .tooLarge), (escape, .malformed), (large, .tooLarge),
        ] as [(Certificate.Content, Refusal.Code)] {
            let entry = Certificate(name: "x.test", timestamp: stamp(0), content: content)
            let change = state.apply(StateDelta(certificates: [entry]), at: day, clock: &clock)
            #expect(change.refusals.map(\.code) == [code] && state.certificates.isEmpty)
        }
        let ahead = Certificate(name: "x.test", timestamp: stamp(25 * 3_600_000), content: content())
        let refused = state.apply(StateDelta(certificates: [ahead]), at: day, clock: &clock)
        #expect(refused.refusals.map(\.code) == [.tooFarAhead])
        for number in 0..<StateLimits.certificates {
            _ = try state.setCertificate(
                CertificateName(rawValue: "\(number).test")!, content(), at: day, clock: &clock)
        }
        do throws(Refusal) {
            _ = try state.setCertificate("x.test", content(), at: day, clock: &clock)
            Issue.record("there is no room for it")
        } catch { #expect(error.code == .tooMany) }
        _ = try state.setCertificate("0.test", content("b"), at: day, clock: &clock)
    }

    @Test mutating func `what was decided under a clock far ahead gets a time that others take`() throws {
        let later = day.advanced(byMilliseconds: 10 * 86_400_000)
        _ = state.publish(record("a"), epoch: later.milliseconds)
        _ = try state.setCertificate("x.test", content("a"), at: later, clock: &clock)
        _ = state.publish(record("a", workers: [worker("w")]), epoch: day.milliseconds)
        for name in ["b", "c"] as [HostName] { state.store(record(name)) }
        #expect(state.amendTimes(at: day, clock: &clock) == day.milliseconds)
        let time = try #require(state.certificates["x.test"]?.timestamp.time)
        #expect(time == day)
    }

    @Test(arguments: ["", ".", "..", "-a", "Shop", "a b", "a/b", "é"]) func `no name is`(text: String) {
        #expect(CertificateName(rawValue: text) == nil)
        #expect(throws: InvalidName.self) { try CertificateName(text) }
    }
}
