import FoundationEssentials
import Glibc
import Testing

extension EndToEnd {
    @Test func `a balancer that finds a bad certificate when it reads its file anew changes nothing`() async throws {
        try await Lab.network("1") { lab in
            let (file, chain) = ("\(lab.folder)/balancer.yaml", "\(lab.folder)/chain.pem")
            let certificate = try await lab.run(
                on: 1, "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=a", "-keyout",
                "\(lab.folder)/key.pem", "-out", chain)
            try #require(certificate.status == 0, "\(certificate)")
            let good = try Data(contentsOf: URL(filePath: chain))
            let write = { (target: String, certificate: Data) in
                let text = """
                    listen:
                      - \(lab.address(1)):8080
                      - {address: "\(lab.address(1)):8443", tls: {certificate: \(chain), key: \(lab.folder)/key.pem}}
                    applications: {a: {upstreams: ["127.0.0.1:1"]}}
                    routes: [{path: /, redirect: "https://\(target)/"}]
                    """
                try Data(text.utf8).write(to: URL(filePath: file))
                try certificate.write(to: URL(filePath: chain))
            }
            let target = {
                try await lab.run(
                    on: 1, "curl", "--silent", "--output", "/dev/null", "--write-out", "%{redirect_url}",
                    "http://\(lab.address(1)):8080/"
                ).output
            }

            try write("first", good)
            let balancer = try lab.start(on: 1, ["igropyr", "balancer", "--config", file])
            try await eventually("it serves", or: balancer.errors) { try await target() == "https://first/" }
            try write("second", Data("none".utf8))
            balancer.signal(SIGHUP)
            try await eventually("it says so", or: balancer.errors) {
                balancer.errors.contains("all goes on as before")
            }
            #expect(try await target() == "https://first/")
            try write("second", good)
            balancer.signal(SIGHUP)
            try await eventually("it goes by the file", or: balancer.errors) {
                try await target() == "https://second/"
            }
        }
    }

    @Test func `a name of an upstream that leads elsewhere is followed at SIGHUP`() async throws {
        try #require(getuid() == 0)
        try await Lab.network("1") { lab in
            let hosts = "\(lab.folder)/hosts"
            let point = { (address: String) in
                try Data("127.0.0.1 localhost\n\(address) worker.test\n".utf8).write(to: URL(filePath: hosts))
            }
            var workers: [Program] = []
            for (address, text) in [("127.0.0.2", "first"), ("127.0.0.3", "second")] {
                let folder = "\(lab.folder)/\(text)"
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
                try Data(text.utf8).write(to: URL(filePath: "\(folder)/index.html"))
                workers.append(try lab.start(on: 1, ["igropyr", "serve", folder, "--listen", "\(address):9000"]))
            }
            try point("127.0.0.2")
            let start = "mount --bind \(hosts) /etc/hosts && exec igropyr balancer --upstream worker.test:9000"
            let balancer = try lab.start(on: 1, ["unshare", "--mount", "sh", "-c", start])
            let answer = { try await lab.run(on: 1, "curl", "--silent", "http://127.0.0.1:8080/").output }
            try await eventually("it serves", or: balancer.errors) { try await answer() == "first" }
            try point("127.0.0.3")
            balancer.signal(SIGHUP)
            try await eventually("it goes to the other", or: balancer.errors) { try await answer() == "second" }
            withExtendedLifetime(workers) {}
        }
    }

    @Test func `an address changed in the file is told of at SIGHUP, and listened on after SIGUSR2`() async throws {
        try await Lab.network("1") { lab in
            let (file, host) = ("\(lab.folder)/balancer.yaml", lab.address(1))
            let write = { (address: String, target: String) in
                let text = """
                    listen: "\(address)"
                    applications: {a: {upstreams: ["127.0.0.1:1"]}}
                    routes: [{path: /, redirect: "https://\(target)/"}]
                    """
                try Data(text.utf8).write(to: URL(filePath: file))
            }
            let target = { (port: Int) in
                try await lab.run(
                    on: 1, "curl", "--silent", "--output", "/dev/null", "--write-out", "%{redirect_url}",
                    "http://\(host):\(port)/")
            }

            try write("\(host):8080", "first")
            let balancer = try lab.start(
                on: 1, ["igropyr", "balancer", "--config", file, "--admin", "127.0.0.1:7951"])
            let errors = { balancer.errors }
            try await eventually("it serves", or: errors()) { try await target(8080).output == "https://first/" }

            try write("\(host):8081", "second")
            balancer.signal(SIGHUP)
            try await eventually("it says what waits", or: errors()) {
                errors().contains("listen: changed, and stays as it was until SIGUSR2")
            }
            #expect(try await target(8080).output == "https://second/")

            balancer.signal(SIGUSR2)
            #expect(try await balancer.finish().status == 0)
            #expect(try await target(8081).output == "https://second/", "\(errors())")
            #expect(try await target(8080).status == 7, "refused: \(errors())")
            #expect(errors().contains("will no longer listen on \(host):8080"))

            // The port is its predecessor's until that ends.
            try write("0.0.0.0:8081", "third")
            let second = try #require(try await lab.processes(of: "balancer", on: 1).first)
            kill(second, SIGUSR2)
            try await eventually("a third one is alone", or: errors()) {
                let present = try await lab.processes(of: "balancer", on: 1)
                return present.count == 1 && present != [second]
            }
            try await eventually("it listens on its address", or: errors()) {
                try await target(8081).output == "https://third/"
            }
        }
    }
}
