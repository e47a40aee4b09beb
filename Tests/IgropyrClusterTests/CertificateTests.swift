import FoundationEssentials
import IgropyrOrchestration
import IgropyrTransport
import TestSupport
import Testing

@testable import IgropyrCluster

private func key(_ seed: UInt8) -> ClusterKey { ClusterKey(bytes: (0..<32).map { $0 &+ seed })! }

@Suite struct `A certificate of the cluster` {
    private let name = CertificateName(rawValue: "shop.test")!

    private func pem(_ authority: TestAuthority, _ file: String, for names: String...) async throws -> [UInt8] {
        let files = try await authority.issue(file, for: names.map { "DNS:\($0)" })
        return try AtomicFile.read(files.chain, limitBytes: 1 << 20) + AtomicFile.read(files.key, limitBytes: 1 << 20)
    }

    @Test func `opens under its name alone, with the cluster's key, and goes over to a new one`() async throws {
        let pem = try await pem(TestAuthority(), "a", for: "shop.test", "*.shop.test")
        let sealing = CertificateSealing(keys: [key(1)])
        let content = try sealing.content(name, pem).content
        #expect(content.servers == ["shop.test", "*.shop.test"] && content.expiresAt > .now)
        #expect(!content.sealed.box.contains("PRIVATE"))
        let timestamp = HybridTimestamp(time: .now, origin: HostName(rawValue: "a")!)
        let certificate = Certificate(name: name, timestamp: timestamp, content: content)
        #expect(sealing.open(certificate) == pem)
        var moved = certificate
        moved.name = CertificateName(rawValue: "other.test")!
        #expect(sealing.open(moved) == nil)
        #expect(CertificateSealing(keys: [key(2)]).open(certificate) == nil)
        let both = CertificateSealing(keys: [key(2), key(1)])
        var renewed = certificate
        renewed.content?.sealed = try #require(both.resealed(content.sealed, name))
        #expect(CertificateSealing(keys: [key(2)]).open(renewed) == pem)
        #expect(throws: CertificateError.self) { try CertificateSealing(keys: []).content(name, pem) }
    }

    @Test func `that cannot be shown keeps no other away`() async throws {
        let authority = try await TestAuthority()
        let (good, other) = (try await pem(authority, "a", for: "a.test"), try await pem(authority, "b", for: "b.test"))
        var (state, clock) = (ReplicatedState(), HybridClock(host: HostName(rawValue: "a")!))
        for (text, key, pem) in [("a.test", key(1), good), ("b.test", key(2), other)] {
            let name = try CertificateName(text)
            let content = try CertificateSealing(keys: [key]).content(name, pem).content
            _ = try state.setCertificate(name, content, at: .now, clock: &clock)
        }
        let shown = ShownCertificates(state.certificates, keys: [key(1)])
        #expect(shown.usable == [.held("the certificate a.test", pem: good)])
        #expect(shown.problems.count == 1 && shown.problems[0].contains("b.test"), "\(shown.problems)")
        let former = ShownCertificates(state.certificates, keys: [key(3), key(1), key(2)])
        #expect(former.usable.count == 2 && former.problems == [], "a former key opens what is under it still")
    }

    @Test func `given to one node is all nodes', until it is removed`() async throws {
        let authority = try await TestAuthority()
        let valid = try await pem(authority, "a", for: "shop.test", "www.shop.test")
        let ending = try await pem(authority, "b", for: "shop.test")
        try await onLoop { loop in
            let control = try ControlClient(on: loop, key: key(1))
            let first = try await SampleNode("a", on: loop, key: key(1))
            let second = try await SampleNode("b", on: loop, joining: first, key: key(1))
            let made = try await control.setCertificate(nil, valid, at: first.control)
            #expect(made.name == name && made.servers == ["shop.test", "www.shop.test"])
            try await eventually("the other has it") {
                try await control.certificates(of: second.control).certificates.map(\.name) == [name]
            }
            #expect(await first.agent.status?.problems == [])
            let bad = await #expect(throws: ControlError.self) {
                try await control.setCertificate(nil, Array("nothing".utf8), at: first.control)
            }
            #expect(bad?.code == .refused(status: 422) && bad?.description.contains("no certificate") == true)
            let unfit = await #expect(throws: ControlError.self) {
                let halves = [valid, ending].map { String(decoding: $0, as: UTF8.self) }
                let parts = halves.map { $0.components(separatedBy: "-----BEGIN PRIVATE") }
                let mixed = parts[0][0] + "-----BEGIN PRIVATE" + parts[1][1]
                return try await control.setCertificate(nil, Array(mixed.utf8), at: first.control)
            }
            #expect(unfit?.description.contains("does not fit") == true, "\(unfit as Any)")
            let other = try CertificateName("named")
            _ = try await control.setCertificate(other, ending, at: second.control)
            try await eventually("both are there") {
                try await control.certificates(of: first.control).certificates.map(\.name) == [other, name]
            }
            try await control.removeCertificate(name, at: second.control)
            let gone = await #expect(throws: ControlError.self) {
                try await control.removeCertificate(name, at: second.control)
            }
            #expect(gone?.code == .refused(status: 404))
            try await eventually("it is gone for all") {
                try await control.certificates(of: first.control).certificates.map(\.name) == [other]
            }
            let audit = try await control.audit(of: second.control)
            let details = audit.entries.filter { $0.action == .certificate }.map(\.detail)
            #expect(details == ["set named", "removed shop.test"])
            await control.close()
            await second.agent.stop()
            await first.agent.stop()
        }
    }

    @Test func `that ends soon is told of`() throws {
        func problem(_ days: Int64) -> String? {
            let content = Certificate.Content(
                sealed: SealedValue(version: "", key: "", box: ""), servers: [],
                expiresAt: UnixTime(milliseconds: days * 86_400_000))
            let timestamp = HybridTimestamp(time: .now, origin: HostName(rawValue: "a")!)
            return Certificate(name: name, timestamp: timestamp, content: content)
                .problem(at: UnixTime(milliseconds: 20_000 * 86_400_000))
        }
        #expect(problem(20_014) == nil)
        #expect(problem(20_013)?.hasPrefix("certificate shop.test: it expires on 2024-10-17: renew it") == true)
        #expect(problem(19_999)?.hasPrefix("certificate shop.test: it has expired on 2024-10-03") == true)
    }
}
