import Foundation
import Glibc
import Igropyr
import IgropyrTransport
import TestSupport
import Testing

/// What a server has little of: descriptors, memory. Each test is a process of its own.
@Suite(.timeLimit(.minutes(5))) struct ExhaustionTests {
    @Test func `with no descriptor left clients wait, and are answered once there is one`() async {
        await #expect(processExitsWith: .success) {
            try await withApp { app in
                app.loops = 1
                app.get("/") { _ in "here" }
            } _: { caller in
                require(try await caller.send("/").text == "here")
                let port = caller.server.address.port
                let late = try (0..<5).map { _ in try SlowReader(descriptorFor: port) }
                var limit = rlimit(rlim_cur: 256, rlim_max: 256)
                require(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
                var taken: [Int32] = []
                while case let descriptor = open("/dev/null", O_RDONLY), descriptor >= 0 { taken.append(descriptor) }
                for client in late {
                    try client.connect()
                    try client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                }
                for _ in 0..<50 { require(try await caller.send("/").text == "here") }  // Who was in is served.
                for descriptor in taken { close(descriptor) }
                for client in late {
                    let answer = String(decoding: try client.receiveRest(), as: UTF8.self)
                    require(answer.hasPrefix("HTTP/1.1 200 ") && answer.hasSuffix("here"))
                }
            }
        }
    }

    /// Their own ends count, too, since they are in this process.
    @Test func `clients that only connect leave descriptors for what others ask for`() async {
        await #expect(processExitsWith: .success) {
            var limit = rlimit(rlim_cur: 400, rlim_max: 400)
            require(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
            try await withApp { app in
                app.loops = 1
                app.get("/") { _ in
                    let descriptor = open("/dev/null", O_RDONLY)
                    defer { close(descriptor) }
                    return descriptor >= 0 ? "here" : "no descriptor is left"
                }
            } _: { caller in
                require(try await caller.send("/").text == "here")
                let port = caller.server.address.port
                var idle = try (0..<160).map { _ in try SlowReader(port: port) }
                let late = try (0..<50).map { _ in try SlowReader(port: port) }
                for client in late { try client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n") }
                for _ in 0..<50 { require(try await caller.send("/").text == "here") }
                require(idle.count == 160)
                idle = []
                for client in late {
                    let answer = String(decoding: try client.receiveRest(), as: UTF8.self)
                    require(answer.hasPrefix("HTTP/1.1 200 ") && answer.hasSuffix("here"))
                }
            }
        }
    }

    /// What each connection in the tests below may cost; those who read and write slowly are this many.
    private static let connections = 200

    @Test func `clients that send slowly cost no more than what they have sent`() async {
        await #expect(processExitsWith: .success) {
            try await withApp { app in
                app.loops = 1
                app.bodyLimit = 1 << 30
                app.post("/") { request async throws in "\(try await request.body(upTo: 1 << 30).count)" }
            } _: { caller in
                require(try await caller.send("/", method: "POST", body: "warm").text == "4")
                let port = caller.server.address.port
                let growth = try await memoryGrowth {
                    let heads = try (0..<ExhaustionTests.connections).map { _ in
                        let client = try SlowReader(port: port)
                        try client.send("GET / HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "x", count: 8000))
                        return client
                    }
                    // A gigabyte is announced, and hardly any comes.
                    let bodies = try (0..<ExhaustionTests.connections).map { _ in
                        let client = try SlowReader(port: port)
                        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n")
                        try client.send(String(repeating: "x", count: 8000))
                        return client
                    }
                    for _ in 0..<3 { require(try await caller.send("/", method: "POST", body: "abc").text == "3") }
                    return (heads, bodies)
                }
                require(growth < 2 * ExhaustionTests.connections * (64 << 10))
            }
        }
    }

    @Test func `clients that connect for TLS and say nothing cost next to nothing`() async {
        await #expect(processExitsWith: .success) {
            let authority = try await TestAuthority()
            let files = try await authority.issue("a", for: ["DNS:a.example"])
            try await withApp { app in
                app.loops = 1
                app.tls = TLSConfiguration(certificates: [.init(chainFile: files.chain, keyFile: files.key)])
            } _: { caller in
                let port = caller.server.address.port
                // Accepted after all who came before.
                func knock() throws {
                    let client = try SlowReader(port: port)
                    try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    require(try client.receiveHead().hasPrefix("HTTP/1.1 400 "))
                }
                for _ in 0..<10 { try knock() }
                let growth = try await memoryGrowth {
                    let clients = try (0..<ExhaustionTests.connections).map { _ in try SlowReader(port: port) }
                    try knock()
                    return clients
                }
                require(growth < ExhaustionTests.connections * (5 << 10))  // What OpenSSL has for each takes ten.
            }
        }
    }

    @Test func `clients that take nothing of a file or a stream cost no more than what is on its way`() async {
        await #expect(processExitsWith: .success) {
            try await Site.with { site in
                try site.write("huge.txt", "")
                require(truncate(site.path + "/huge.txt", 64 << 20) == 0)
                try await withApp { app in
                    app.loops = 1
                    app.get("/stream") { _ async in
                        Response { writer in
                            let piece = [UInt8](repeating: 120, count: 64 << 10)
                            for _ in 0..<1024 { try await writer.write(piece) }
                        }
                    }
                    app.files("/", from: site.path)
                } _: { caller in
                    require(try await caller.send("/a%20b.txt").text == "text")
                    let port = caller.server.address.port
                    let growth = try await memoryGrowth {
                        let paths = ["/huge.txt", "/stream"]
                        let clients = try (0..<ExhaustionTests.connections).map { index in
                            let client = try SlowReader(port: port)
                            try client.send("GET \(paths[index % 2]) HTTP/1.1\r\nHost: a\r\n\r\n")
                            return client
                        }
                        for client in clients { require(try client.receiveHead().hasPrefix("HTTP/1.1 200 ")) }
                        for _ in 0..<3 { require(try await caller.send("/a%20b.txt").text == "text") }
                        return clients
                    }
                    // 64 MB each would be 12 GB.
                    require(growth < ExhaustionTests.connections * (768 << 10))
                }
            }
        }
    }
}

/// Issues of another process are not seen here; its exit code, the line, is.
private func require(_ condition: Bool, line: Int32 = #line) {
    if !condition { exit(line) }
}

/// By how many bytes this process has grown while what `body` returns is there.
private func memoryGrowth<Held>(while body: () async throws -> Held) async throws -> Int {
    let before = try anonymousBytes()
    let held = try await body()
    let after = try anonymousBytes()
    withExtendedLifetime(held) {}
    return after - before
}

/// What of this process is in memory and not a file's.
private func anonymousBytes() throws -> Int {
    let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let line = status.split(separator: "\n").first { $0.hasPrefix("RssAnon:") } ?? ""
    let kibibytes = line.split(whereSeparator: { " \t".contains($0) }).dropFirst().first.flatMap { Int($0) }
    require(kibibytes != nil)
    return kibibytes! << 10
}
