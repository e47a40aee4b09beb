import FoundationEssentials
import Glibc
import Testing

extension EndToEnd {
    /// https at every entrance, by certificates that the cluster has.
    struct CertificateTests {
        @Test func `a certificate that is set once is shown by each entrance, also of a host that joins`() async throws
        {
            try await Lab.network("3") { lab in
                try await lab.makeKey()
                let entrance = { (host: Int) in
                    ["--balance", "\(lab.address(host)):8443", "--balance-tls"]
                }
                var nodes = try (1...2).map { try lab.start(on: $0, lab.node($0, joining: 1) + entrance($0)) }
                let logs = { nodes.map(\.errors).joined(separator: "\n") }
                let deployed = try await lab.deploy()
                try #require(deployed.status == 0, "\(deployed)")
                try await eventually("without a certificate nobody is let in", or: logs()) {
                    try await lab.https(at: 1, "shop.test", trusting: "none").contains("handshake failure")
                }
                try await lab.makeCertificate("old", for: "shop.test")
                let set = try await lab.set("old")
                #expect(set.contains("set the certificate shop.test, for shop.test, until 20"), "\(set)")
                for host in 1...2 {
                    try await eventually("host \(host) shows it", or: logs()) {
                        try await lab.https(at: host, "shop.test", trusting: "old") == "200"
                    }
                }
                nodes.append(try lab.start(on: 3, lab.node(3, joining: 1) + entrance(3)))
                // Who connects before it knows the certificates waits for them.
                try await eventually("the newcomer listens", or: logs()) {
                    try await !lab.https(at: 3, "shop.test", trusting: "old").hasPrefix("curl: (7)")
                }
                #expect(try await lab.https(at: 3, "shop.test", trusting: "old") == "200", "\(logs())")

                try await lab.makeKey(at: "\(lab.folder)/new.key")
                try await lab.succeed("keys", "rotate", "\(lab.folder)/new.key")
                #expect(try await lab.https(at: 2, "shop.test", trusting: "old") == "200", "\(logs())")
                let copied = try await Program.run(["cp", "\(lab.folder)/new.key", lab.keyFile])
                try #require(copied.status == 0, "\(copied)")

                try await lab.makeCertificate("new", for: "shop.test")
                _ = try await lab.set("new")
                for host in 1...3 {
                    try await eventually("host \(host) shows the renewed one", or: logs()) {
                        try await lab.https(at: host, "shop.test", trusting: "new") == "200"
                    }
                }
                let list = try await lab.succeed("certificate")
                #expect(list.contains("shop.test") && list.split(separator: "\n").count == 2, "\(list)")
                // One balancer ends and begins again: who comes meanwhile waits.
                let killed = try #require(try await lab.processes(of: "balancer", on: 1).first)
                #expect(kill(killed, SIGKILL) == 0)
                #expect(try await lab.https(at: 1, "shop.test", trusting: "new") == "200", "\(logs())")
                try await lab.succeed("certificate", "remove", "shop.test")
                try await eventually("it is shown no more", or: logs()) {
                    try await lab.https(at: 3, "shop.test", trusting: "new").contains("handshake failure")
                }
                for node in nodes { node.signal(SIGTERM) }
                for node in nodes { #expect(try await node.finish().status == 0, "\(logs())") }
            }
        }
    }
}

extension Lab {
    fileprivate func chain(_ name: String) -> String { "\(folder)/\(name).pem" }
    fileprivate func key(_ name: String) -> String { "\(folder)/\(name).private" }

    fileprivate func makeCertificate(_ name: String, for server: String) async throws {
        let outcome = try await Program.run([
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
            "/CN=a", "-addext", "subjectAltName=DNS:\(server)", "-days", "30", "-keyout", key(name), "-out",
            chain(name),
        ])
        try #require(outcome.status == 0, "\(outcome)")
    }

    fileprivate func set(_ name: String) async throws -> String {
        try await succeed("certificate", "set", "--certificate", chain(name), "--key", key(name))
    }

    /// The status of an answer, or why there is none.
    fileprivate func https(at host: Int, _ server: String, trusting certificate: String) async throws -> String {
        let trust = certificate == "none" ? ["--insecure"] : ["--cacert", chain(certificate)]
        let outcome = try await Program.run(
            [
                "curl", "--silent", "--show-error", "--max-time", "60", "--noproxy", "*", "--output", "/dev/null",
                "--write-out", "%{http_code}", "--resolve", "\(server):8443:\(address(host))",
            ] + trust + ["https://\(server):8443/"])
        return outcome.status == 0 ? outcome.output : outcome.errors
    }
}
