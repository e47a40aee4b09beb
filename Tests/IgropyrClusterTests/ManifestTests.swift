import IgropyrConfiguration
import IgropyrOrchestration
import Testing

@testable import IgropyrCluster

private func manifest(_ text: String) throws(ConfigurationError) -> Manifest {
    try Manifest(Array(text.utf8), file: "igropyr.yaml")
}

private let everything = """
    name: shop
    command: [bin/shop, --threads, "4"]
    workers: { total: 5 }
    constraints: { zone: eu }
    prefer: { disk: ssd }
    environment:
      LEVEL: info
      EMPTY: ""
    start-timeout: 5s
    stop-timeout: 0
    restart: { kind: transient, intensity: 3, period: 1m }
    watchdog: 5s
    update: { max-surge: 2, max-unavailable: 10%, canary: 1, canary-hold: 1m, health-deadline: 5s, min-healthy: 2s }
    routes:
      - { host: Shop.example.org, path: /cart/ }
      - /shop
    hash: cookie:session
    limits: { memory: 512MiB, cpu: 1.5, files: 4096, processes: 64 }
    secrets: { TOKEN: environment, TLS_KEY: file }
    health: { http: /health, interval: 5s, timeout: 500ms, failures: 2, warm-up: [/, /cart] }
    user: www-data
    isolation: on
    encrypt: true
    """

@Suite struct `A manifest` {
    @Test func `says all that there is to say of an application`() throws {
        let manifest = try manifest(everything)
        #expect(manifest.name == ApplicationName(rawValue: "shop"))
        guard case .command(let program) = manifest.program else { throw Unexpected(manifest: manifest) }
        #expect(program.value == "bin/shop" && program.position == Position(line: 2, column: 11))
        let spec = manifest.spec
        #expect(spec.arguments == ["--threads", "4"] && spec.environment == ["LEVEL": "info", "EMPTY": ""])
        #expect(spec.scale == .total(5) && spec.constraints == ["zone": "eu"] && spec.preferences == ["disk": "ssd"])
        #expect(spec.startTimeoutMilliseconds == 5000 && spec.stopTimeoutMilliseconds == 0)
        #expect(spec.restart == RestartPolicy(.transient, intensity: 3, periodMilliseconds: 60_000))
        #expect(spec.watchdogMilliseconds == 5000)
        #expect(spec.update?.maxSurge == .count(2) && spec.update?.maxUnavailable == .percent(10))
        #expect(spec.update?.canary == 1 && spec.update?.canaryHoldMilliseconds == 60_000)
        #expect(spec.update?.healthDeadlineMilliseconds == 5000 && spec.update?.minimumHealthyMilliseconds == 2000)
        #expect(spec.update?.rollsBack == true)
        #expect(try spec.routes == [Route(host: "shop.example.org", pathPrefix: "/cart"), Route(pathPrefix: "/shop")])
        #expect(spec.hashKey == .cookie("session") && spec.isEncrypted)
        #expect(spec.secrets == ["TOKEN": Secret(.environment), "TLS_KEY": Secret(.file)])
        #expect(
            spec.health
                == HealthCheck(
                    .http(path: "/health"), intervalMilliseconds: 5000, timeoutMilliseconds: 500, failures: 2,
                    warmUp: ["/", "/cart"]))
        #expect(
            spec.confinement
                == Confinement(
                    memoryBytes: 512 << 20, cpuThousandths: 1500, openFiles: 4096, processes: 64, user: "www-data",
                    isolation: .on))
    }

    @Test(arguments: ["", "# nothing\n", "{}"]) func `may say nothing`(text: String) throws {
        let manifest = try manifest(text)
        #expect(manifest.name == nil && manifest.program == nil)
        #expect(manifest.spec == DeploymentSpec(revision: manifest.spec.revision, kind: .site))
    }

    @Test func `has short forms`() throws {
        let scales: [(String, DeploymentSpec.Scale)] = [
            ("auto", .perCore), ("3", .perHost(3)), ("0", .perHost(0)), ("{ per-host: auto }", .perCore),
            ("{ per-host: 2 }", .perHost(2)), ("{ total: 1000 }", .total(1000)),
        ]
        for (text, scale) in scales { #expect(try manifest("workers: \(text)").spec.scale == scale, "\(text)") }
        guard case .command(let program) = try manifest("command: run").program else { return #expect(Bool(false)) }
        #expect(program.value == "run")
        guard case .site(let folder) = try manifest("site: public").program else { return #expect(Bool(false)) }
        #expect(folder.value == "public")
        let site = try manifest("site: { folder: ., options: [--listing] }")
        #expect(site.spec.arguments == ["--listing"])
        #expect(try manifest("restart: temporary").spec.restart == RestartPolicy(.temporary))
        #expect(try manifest("secrets: [A, B]").spec.secrets == ["A": Secret(), "B": Secret()])
        #expect(try manifest("secrets: A").spec.secrets == ["A": Secret()])
        #expect(try manifest("health: notify").spec.health == nil)
        #expect(try manifest("health: tcp").spec.health == HealthCheck(.tcp))
        #expect(try manifest("health: /x").spec.health == HealthCheck(.http(path: "/x")))
        #expect(try manifest("health: { tcp: true, failures: 1 }").spec.health == HealthCheck(.tcp, failures: 1))
        #expect(try manifest("routes: /x").spec.routes == [Route(pathPrefix: "/x")])
    }

    private static let mistakes: [(text: String, line: Int, says: String)] = [
        ("nme: shop", 1, "did you mean \"name\""), ("name: Shop", 1, "expected an application name"),
        ("\ncommand: /bin/sh", 2, "expected a program's path within the folder"),
        ("command: a/../b", 1, "expected a program's path within the folder"),
        ("command: []", 1, "expected 1 to"), ("command: run\nsite: .", 2, "exclude each other"),
        ("site: ../x", 1, "expected a folder's path"), ("workers: many", 1, "expected auto"),
        ("workers: -1", 1, "expected auto"), ("workers: 1001", 1, "expected auto"),
        ("workers: { total: 2, per-host: 1 }", 1, "one of the keys per-host, total"),
        ("constraints: { a=b: x }", 1, "expected a tag's name"),
        ("prefer: { disk: ssd }", 1, "is of no use without"),
        ("environment:\n  1A: x", 2, "expected a variable's name"),
        ("environment: [A=b]", 1, "expected a mapping"),
        ("start-timeout: 0", 1, "expected a duration"), ("stop-timeout: 2d", 1, "expected a duration"),
        ("restart: never", 1, "expected one of permanent, transient, temporary"),
        ("restart: { intensity: 1001 }", 1, "expected a whole number from 0 to 1000"),
        ("routes:\n  - /a\n  - /a/", 3, "is there twice"), ("routes: a", 1, "expected a path prefix"),
        ("encrypt: yes", 1, "expected true or false"),
        ("routes: { host: 'a b' }", 1, "expected a host name"), ("hash: coookie:x", 1, "is not a hash key"),
        ("secrets: [a-b]", 1, "expected a secret's name"),
        ("secrets:\n  A: both", 2, "expected one of environment, file"),
        ("health: http", 1, "expected notify, tcp, or a path"), ("health: { interval: 1s }", 1, "found neither"),
        ("health: { http: /, tcp: true }", 1, "exclude each other"), ("health: { http: x }", 1, "expected a path"),
        ("health: { tcp: true, interval: 1ms }", 1, "expected a duration from 10ms"),
        ("limits: { memory: 1KiB }", 1, "expected a count of bytes from 1MiB"),
        ("limits: { cpu: 0 }", 1, "expected a number from 0.01"), ("limits: { cores: 1 }", 1, "unknown key"),
        ("limits: { files: 1 }", 1, "from 16"), ("user: a:b", 1, "expected a user's name or number"),
        ("isolation: maybe", 1, "expected one of auto, on, off"),
        ("environment: { A: " + String(repeating: "a", count: 16_384) + " }", 1, "at most 16384 are allowed"),
    ]

    @Test(arguments: mistakes) func `names each mistake with its line`(text: String, line: Int, says: String) {
        let error = #expect(throws: ConfigurationError.self) { try manifest(text) }
        #expect(error?.issues.first?.position?.line == line, "\(error.debugDescription)")
        #expect(error?.description.contains(says) == true, "\(error.debugDescription)")
    }

    @Test func `tells all mistakes at once`() {
        let error = #expect(throws: ConfigurationError.self) {
            try manifest("name: X\nworkers: many\nroutes: []\nhsah: path")
        }
        #expect(error?.issues.map { $0.position?.line } == [1, 2, 3, 4])
    }

    @Test func `is read from the folder, whose files it must name`() throws {
        let folder = try TemporaryFolder()
        try folder.write("#!/bin/sh", to: "shop/bin/run", permissions: 0o755)
        try folder.write("text", to: "shop/bin/notes", permissions: 0o644)
        #expect(try Manifest(of: folder("shop")).program == nil)
        let mistakes = [
            ("bin/walk", "holds no bin/walk"), ("bin/notes", "is no program"), ("bin", "is no program"),
        ]
        for (command, says) in mistakes {
            try folder.write("name: shop\ncommand: \(command)", to: "shop/igropyr.yaml")
            let error = #expect(throws: ManifestError.self) { try Manifest(of: folder("shop")) }
            #expect(error?.description.hasPrefix("\(folder("shop"))/igropyr.yaml:2:10: command") == true, "\(error!)")
            #expect(error?.description.contains(says) == true, "\(error!)")
        }
        try folder.write("command: bin/run", to: "shop/igropyr.yaml")
        let manifest = try Manifest(of: folder("shop"))
        let summary = try manifest.archive(folder("shop"), to: folder("a.tar"))
        #expect(manifest.spec(for: summary).kind == .executable(entry: "bin/run"))
        #expect(manifest.spec(for: summary).revision == summary.digest)
    }

    @Test func `may name a program of which there are builds only`() throws {
        let folder = try TemporaryFolder()
        for machine in ["x86_64", "aarch64"] {
            try folder.write("#!/bin/sh", to: "shop/bin/\(machine)/run", permissions: 0o755)
        }
        try folder.write("command: bin/run", to: "shop/igropyr.yaml")
        let summary = try Manifest(of: folder("shop")).archive(folder("shop"), to: folder("a.tar"))
        #expect(summary.kind == .executable(entry: "bin/run"))
        #expect(summary.index.machines.map(\.rawValue) == ["aarch64", "x86_64"])
    }

    @Test func `is no part of the bundle`() throws {
        let folder = try TemporaryFolder()
        try folder.write("hello", to: "site/index.html")
        try folder.write("mine", to: "site/below/igropyr.yaml")
        let before = try BundleArchive.create(from: folder("site"), to: folder("a.tar"))
        try folder.write("name: shop", to: "site/igropyr.yaml")
        #expect(try BundleArchive.create(from: folder("site"), to: folder("b.tar")) == before)
        try BundleArchive.extract(from: folder("b.tar"), to: folder("out"))
        #expect(try folder.names("out") == ["below", "index.html"] && folder.names("out/below") == ["igropyr.yaml"])
    }

    @Test func `is wanted of a folder in which no route leads to an index`() throws {
        let folder = try TemporaryFolder()
        try folder.write("// swift-tools-version: 6.2", to: "shop/Package.swift")
        func archive(_ path: String = "/") throws -> BundleArchive.Summary {
            var manifest = try Manifest(of: folder("shop"))
            manifest.spec.route = try Route(pathPrefix: path)
            return try manifest.archive(folder("shop"), to: folder("a.tar"))
        }
        let refusal = #expect(throws: BundleError.self) { try archive() }
        #expect(refusal?.code == .noApplication && refusal?.description.contains("lacks index.html") == true)
        #expect(refusal?.description.contains("it has no igropyr.yaml") == true)
        try folder.write("workers: 2", to: "shop/igropyr.yaml")
        let silent = #expect(throws: BundleError.self) { try archive() }
        #expect(silent?.description.contains("its igropyr.yaml says neither `command` nor `site`") == true)
        try FileSystem.removeTree(folder("shop/igropyr.yaml"))
        try folder.write("hello", to: "shop/index.html")
        #expect(try archive().kind == .site)
        let elsewhere = #expect(throws: BundleError.self) { try archive("/docs") }
        #expect(elsewhere?.description.contains("lacks docs/index.html") == true, "where its requests look for it")
        try folder.write("hello", to: "shop/docs/index.html")
        #expect(try archive("/docs").kind == .site)
        try folder.write("site: .", to: "shop/igropyr.yaml")
        #expect(try archive("/none").kind == .site, "it is said to be one")
    }

    @Test func `takes a site from a folder within`() throws {
        let folder = try TemporaryFolder()
        try folder.write("hello", to: "shop/public/index.html")
        try folder.write("site: public", to: "shop/igropyr.yaml")
        let manifest = try Manifest(of: folder("shop"))
        let summary = try manifest.archive(folder("shop"), to: folder("a.tar"))
        #expect(summary.entries == 1 && manifest.spec(for: summary).kind == .site)
    }

    private struct Unexpected: Error { var manifest: Manifest }
}
