import FoundationEssentials
import Glibc
import Testing

/// A command that cannot work. `LAB` stands for the lab's folder, `NET` for its subnet, `EMPTY` for an argument without
/// a character; a node runs at NET.1 only.
private struct Mistake: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var command: String
    /// What its one line must name: the cause, and what to do.
    var words: [String]

    init(_ description: String, _ command: String, names words: String...) {
        testDescription = description
        self.command = command
        self.words = words
    }
}

private let mistakes = [
    Mistake("wrong key", "status --node NET.1 --key-file LAB/other.key", names: "NET.1", "key"),
    Mistake("no key", "status --node NET.1", names: "--key-file"),
    Mistake("missing key file", "node --bind NET.2 --key-file LAB/none.key", names: "LAB/none.key", "keygen"),
    Mistake("damaged key file", "node --bind NET.2 --key-file LAB/damaged.key", names: "LAB/damaged.key", "copy"),
    Mistake("token that is none", "node --bind NET.2 --join NET.1 --token x", names: "--token", "igropyr token"),
    Mistake("lifetime that is none", "token --expires 40d ACCESS", names: "--expires", "30d"),
    Mistake("not loopback without a key", "node --bind NET.2", names: "--key-file"),
    Mistake("node that nobody would reach", "node --join NET.1 --key-file LAB/cluster.key", names: "NET.1", "--bind"),
    Mistake(
        "balancer that nobody would reach", "balancer --listen NET.2:0 --join NET.1 --key-file LAB/cluster.key",
        names: "NET.1", "--bind"),
    Mistake(
        "address of another host", "node --bind NET.1 --key-file LAB/cluster.key", names: "NET.1", "no such address"),
    Mistake(
        "gossip port in use", "node --bind NET.2:9999 --key-file LAB/cluster.key", names: "NET.2:9999",
        "another program has"),
    Mistake("control port in use", "node --bind NET.2:9998 --key-file LAB/cluster.key", names: "NET.2:9999", "--bind"),
    Mistake(
        "port in use", "balancer --listen NET.2:9999 --upstream NET.2:1", names: "NET.2:9999", "another program has"),
    Mistake("no such file", "deploy LAB/none ACCESS", names: "LAB/none", "does not exist"),
    Mistake("folder that is no application", "deploy /usr/include --check", names: "igropyr.yaml", "index.html"),
    Mistake("folder whose name makes none", "deploy / ACCESS", names: "--name"),
    Mistake("number that is none", "deploy /bin/true --per-host x ACCESS", names: "--per-host", "auto"),
    Mistake("not executable", "deploy LAB/cluster.key --name x ACCESS", names: "LAB/cluster.key", "chmod +x"),
    Mistake("name that is none", "deploy /bin/true --name X_Y ACCESS", names: "X_Y"),
    Mistake("unreachable node", "deploy /bin/true --name x --node NET.2 --key-file LAB/cluster.key", names: "NET.2"),
    Mistake("unknown application", "remove nothing ACCESS", names: "nothing", "deployed"),
    Mistake("application to scale that is unknown", "scale nothing --total 2 ACCESS", names: "nothing", "deployed"),
    Mistake("application to plan that is unknown", "plan --app nothing --total 2 ACCESS", names: "nothing", "deployed"),
    Mistake("logs of an unknown application", "logs nothing ACCESS", names: "nothing", "deployed"),
    Mistake("command for an unknown application", "exec nothing ACCESS -- true", names: "nothing", "deployed"),
    Mistake("use by an unknown application", "top nothing ACCESS", names: "nothing", "deployed"),
    Mistake("history of an unknown application", "history nothing ACCESS", names: "nothing", "deployed"),
    Mistake("unknown host to think away", "plan --without nobody ACCESS", names: "nobody", "host-1"),
    Mistake("unknown host to drain", "drain nobody ACCESS", names: "nobody", "host-1"),
    Mistake("total below zero", "scale x --total=-1 ACCESS", names: "x", "deployed"),
    Mistake("no line of the audit log", "audit --last 0 ACCESS", names: "--last", "1 or more"),
    Mistake("unknown member", "force-leave nobody ACCESS", names: "nobody"),
    Mistake("alive member", "force-leave host-1 ACCESS", names: "igropyr leave"),
    Mistake("reserved event", "event igropyr:x ACCESS", names: "igropyr:"),
    Mistake("reserved query", "query _serf_ping ACCESS", names: "_serf_ping"),
    Mistake("event and watch", "event x --watch ACCESS", names: "--watch"),
    Mistake("key file that is none", "keys add LAB/none ACCESS", names: "LAB/none", "keygen"),
    Mistake("key that nobody has", "keys use 0123456789ab ACCESS", names: "0123456789ab", "fingerprint"),
    Mistake("distance to a stranger", "rtt nobody ACCESS", names: "nobody", "host-1"),
    Mistake("time-out too long", "query x --timeout 601 ACCESS", names: "--timeout", "600"),
    Mistake("status that is none", "members --status dead ACCESS", names: "--status", "failed"),
    Mistake(
        "name to discover that is none", "node --bind NET.2 --key-file LAB/cluster.key --discover a.b", names: "a.b"),
    Mistake(
        "link-local address of no network", "node --bind fe80::1 --key-file LAB/cluster.key", names: "fe80::1", "%eth0"),
    Mistake(
        "address of no interface", "node --bind fe80::1%none --key-file LAB/cluster.key", names: "\"none\"",
        "ip address"),
    Mistake(
        "address of no network for the balancer beside a node",
        "node --bind NET.2 --key-file LAB/cluster.key --balance NET.2:0 --balance-bind fe80::1",
        names: "--balance-bind", "%eth0"),
    Mistake("node of no network", "status --node fe80::1 --key-file LAB/cluster.key", names: "--node", "%eth0"),
    Mistake("upstream of no network", "balancer --upstream [fe80::1]:80", names: "--upstream", "fe80::1%eth0]:80"),
    Mistake(
        "upstream of no network, by the file", "balancer --config LAB/near.yaml --check", names: "LAB/near.yaml",
        "fe80::1%eth0]:80"),
    Mistake(
        "address of no network to listen on", "balancer --listen [fe80::1]:80 --upstream NET.2:1",
        names: "--listen", "fe80::1%eth0]:80"),
    Mistake("site of no network", "serve /tmp --listen [fe80::1]:80", names: "fe80::1%eth0]:80"),
    Mistake("people's answer for a program", "deploy /bin/true --check --json", names: "--check", "--json"),
    Mistake("service that is none", "node --bind NET.2 --key-file LAB/cluster.key --join srv:a:b", names: "srv:a:b"),
    Mistake("index in a folder", "serve /tmp --index a/b", names: "--index", "without a folder"),
    Mistake("folder that is none", "serve LAB/none --listen NET.2:9998", names: "LAB/none"),
    Mistake("certificate without a key", "serve /tmp --tls-certificate LAB/a.pem", names: "--tls-key"),
    Mistake(
        "missing certificate", "serve /tmp --tls-certificate LAB/a.pem --tls-key LAB/a.key", names: "LAB/a.pem",
        "no such"),
    Mistake(
        "certificate that is none", "serve /tmp --tls-certificate LAB/other.key --tls-key LAB/other.key",
        names: "LAB/other.key", "no certificate"),
    Mistake("unknown option", "node --bnid NET.2", names: "--bnid", "--help"),
    Mistake("empty file", "status --key-file EMPTY", names: "--key-file", "it is empty"),
    Mistake("empty folder", "node --data EMPTY", names: "--data", "it is empty"),
    Mistake("empty application", "logs EMPTY ACCESS", names: "target", "application name"),
    Mistake("empty event", "event EMPTY ACCESS", names: "name", "it is empty"),
    Mistake("empty bundle", "deploy EMPTY ACCESS", names: "bundle", "it is empty"),
    Mistake("empty revision", "rollback x --to EMPTY ACCESS", names: "--to", "it is empty"),
    Mistake("empty fingerprint", "keys use EMPTY ACCESS", names: "key", "it is empty"),
    Mistake("empty URL", "explain EMPTY", names: "url", "it is empty"),
    Mistake("unknown command", "frobnicate", names: "no command", "frobnicate", "--help"),
    Mistake("no argument", "deploy", names: "--help"),
    Mistake("port in place of an address", "balancer --listen 8080", names: "--listen", "0.0.0.0:8080"),
    Mistake("port in place of a member", "node --bind NET.2 --key-file LAB/cluster.key --join 7946", names: "7946"),
    Mistake("tag too long", "node --bind NET.2 --key-file LAB/cluster.key --tag LONG=1", names: "--tag", "64"),
    Mistake(
        "entrance in use", "node --bind NET.2 --key-file LAB/cluster.key --join NET.1 --balance NET.2:9999",
        names: "--balance", "NET.2:9999", "another program has"),
    Mistake(
        "admin of no balancer", "node --bind NET.2 --key-file LAB/cluster.key --balance-admin NET.2:1",
        names: "--balance-admin", "--balance"),
    Mistake(
        "entrance by a file that lacks its certificate",
        "node --bind NET.2 --key-file LAB/cluster.key --join NET.1 --balance-config LAB/tls.yaml",
        names: "LAB/tls.yaml", "LAB/none.pem", "no such"),
    Mistake(
        "entrance by a file that is none",
        "node --bind NET.2 --key-file LAB/cluster.key --balance-config LAB/none.yaml",
        names: "--balance-config", "LAB/none.yaml", "is it there"),
    Mistake(
        "entrance by address and by file",
        "node --bind NET.2 --key-file LAB/cluster.key --balance NET.2:1 --balance-config LAB/fixed.yaml",
        names: "--balance-config", "in the file"),
    Mistake("challenge that is none", "certificate challenge token ACCESS", names: "TOKEN.THUMBPRINT"),
    Mistake("challenge without balancers", "certificate challenge a.b ACCESS", names: "no balancer", "--balance"),
    Mistake(
        "file that lacks its certificate", "balancer --config LAB/tls.yaml --check", names: "LAB/none.pem", "no such"),
    Mistake(
        "upstream that is unknown", "balancer --config LAB/unknown.yaml --check", names: "LAB/unknown.yaml",
        "none.invalid:80", "a name that the resolver knows"),
    Mistake("no upstream", "balancer --upstream ,", names: "--upstream", "ADDRESS:PORT"),
    Mistake("upstream twice", "balancer --upstream NET.2:1,NET.2:2,NET.2:1", names: "NET.2:1", "twice"),
    Mistake(
        "form of a log that is none", "balancer --upstream NET.2:1 --access-log-format json", names: "--access-log"),
    Mistake(
        "access log in no folder", "balancer --listen NET.2:0 --upstream NET.2:1 --access-log LAB/none/access.log",
        names: "LAB/none/access.log", "no such"),
    Mistake(
        "access log in no folder, by the file", "balancer --config LAB/log.yaml --check", names: "LAB/none/access.log",
        "no such"),
    Mistake(
        "key where the file says all", "balancer --config LAB/fixed.yaml --listen NET.2:0 --hash source",
        names: "--hash", "--config"),
    Mistake(
        "certificate for redirects alone",
        "balancer --config LAB/redirects.yaml --tls-certificate LAB/a.pem --tls-key LAB/a.key",
        names: "--tls-certificate", "redirect"),
    Mistake("member without a cluster", "balancer --upstream NET.2:1 --advertise NET.1", names: "--advertise"),
    Mistake("site without its root", "serve --config LAB/root.yaml --check", names: "LAB/none", "no such"),
    Mistake(
        "log of a site in no folder", "serve --config LAB/site.yaml --check", names: "LAB/none/access.log", "no such"),
    Mistake("file that is a folder", "balancer --config LAB --check", names: "LAB", "a file"),
    Mistake("no address", "node --bind NET.2:port --key-file LAB/cluster.key", names: "NET.2:port", "65535"),
]

extension EndToEnd {
    @Test func `a mistake ends with one line that names the cause and what to do`() async throws {
        try await Lab.network("2") { lab in
            try await lab.startNodes(1...1)
            for name in ["other", "damaged"] { try await lab.makeKey(at: "\(lab.folder)/\(name).key") }
            guard truncate("\(lab.folder)/damaged.key", 40) == 0 else { throw Failure("truncate") }
            let tls =
                "listen: {address: \":443\", tls: {certificate: \(lab.folder)/none.pem, key: \(lab.folder)/none.pem}}"
            try Data(tls.utf8).write(to: URL(filePath: "\(lab.folder)/tls.yaml"))
            let log = "access-log: \(lab.folder)/none/access.log"
            let fixed = "applications: {a: {upstreams: [\"127.0.0.1:1\"]}}"
            let near = "applications: {a: {upstreams: [\"[fe80::1]:80\"]}}"
            let unknown = "applications: {a: {upstreams: [\"none.invalid:80\"]}}"
            let redirects = "listen: {address: \"127.0.0.1:1\", redirect-to-https: true}"
            for (name, text) in [
                ("log", log), ("root", "root: none"), ("site", "root: .\n" + log), ("fixed", fixed),
                ("redirects", redirects), ("unknown", unknown), ("near", near),
            ] {
                try Data(text.utf8).write(to: URL(filePath: "\(lab.folder)/\(name).yaml"))
            }
            let holder = try lab.start(on: 2, ["serf", "agent", "-bind=\(lab.address(2)):9999"])
            try await lab.whenListening(on: 2, ports: 9999)
            for mistake in mistakes { try await lab.expectRefusal(of: mistake) }
            let keyless = try await lab.run(
                on: 2, "env", "IGROPYR_KEY_FILE=", "igropyr", "status", "--node", lab.address(1))
            #expect(keyless.status == 1 && keyless.errors.contains("by --key-file"), "an empty variable: \(keyless)")
            #expect(holder.exitStatus == nil)
        }
    }
}

extension Lab {
    fileprivate func expectRefusal(of mistake: Mistake) async throws {
        let words = expand(mistake.command).split(separator: " ").map { $0 == "EMPTY" ? "" : String($0) }
        let outcome = try await start(on: 2, ["igropyr"] + words).finish()
        let context = "\(mistake.testDescription): \(outcome)"
        #expect(outcome.status != 0 && outcome.status < 128, "\(context)")
        #expect(outcome.output.isEmpty, "\(context)")
        for word in mistake.words { #expect(outcome.errors.contains(expand(word)), "\(context)") }
        #expect(outcome.errors.split(separator: "\n").count == 1, "\(context)")
    }

    private func expand(_ text: String) -> String {
        text.replacing("ACCESS", with: access.joined(separator: " ")).replacing("LAB", with: folder)
            .replacing("LONG", with: String(repeating: "t", count: 65))
            .replacing("NET", with: subnet)
    }
}
