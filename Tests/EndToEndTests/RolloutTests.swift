import Foundation
import Testing

extension EndToEnd {
    /// What operators do while a steady load of GETs runs: none of them may be lost.
    struct RolloutTests {
        @Test func `a bad revision rolls back by itself, and no request is lost`() async throws {
            try await Lab.up("3", "--balancer") { lab in
                try await lab.serveHello(on: 1...3)
                let old = Set(try await lab.status().readyWorkers.compactMap(\.pid))
                let bad = "\(lab.folder)/bad"
                try lab.write("#!/bin/sh\necho no database\nexit 3\n", to: bad, permissions: 0o755)
                let load = try Load(on: lab.entrance, for: 12, in: lab.folder)
                try await load.passes(Load.rate)
                let outcome = try await lab.deploy(bad)
                #expect(outcome.status == 1 && outcome.errors.contains("was rolled back"), "\(outcome)")
                #expect(outcome.errors.contains("exited with 3"), "\(outcome)")
                try await lab.statusSays("what ran before runs, and nothing else") {
                    Set($0.workers.compactMap(\.pid)) == old && $0.workers.allSatisfy { $0.state == "ready" }
                }
                let summary = try await load.finish()
                print("bad revision under load: \(summary), longest \(summary.longest)")
                #expect(summary.lost == 0)
                let history = try await lab.command("history", "hello")
                #expect(history.output.contains("automaticRollback") && history.output.contains("failed"), "\(history)")
                let audit = try await lab.command("audit")
                #expect(audit.status == 0 && audit.output.contains("automaticRollback"), "\(audit)")
            }
        }

        @Test func `a command that leaves a rollout waiting says for what, and ends with 2`() async throws {
            try await Lab.network("2") { lab in
                try await lab.startNodes(1...2)
                try await lab.statusSays("both are there") { $0.hosts.count == 2 }
                let first = try await lab.deploy()
                try #require(first.status == 0, "\(first)")
                func expect(_ status: Int32, _ text: String, of command: String...) async throws {
                    let outcome = try await lab.command(command)
                    #expect(outcome.status == status && outcome.output.contains(text), "\(command): \(outcome)")
                }
                let name = ["--name", "hello"]
                let canary = try await lab.command(
                    ["deploy", Binaries.hello] + name + ["--env", "A=1", "--canary", "1"])
                #expect(canary.status == 2 && canary.output.contains("igropyr promote hello"), "\(canary)")
                try await expect(0, "igropyr promote hello", of: "plan")
                try await expect(0, "is paused; igropyr resume hello", of: "pause", "hello")
                try await expect(2, "is paused: igropyr resume hello", of: "promote", "hello")
                try await expect(0, "hello goes on", of: "resume", "hello")
                try await expect(0, "hello goes back to revision", of: "rollback", "hello")
                let mistyped = ["deploy", Binaries.hello, "--where", "disk=ssd", "--path"]
                let none = try await lab.command(mistyped + ["/other", "--name", "other"])
                #expect(none.status == 2 && none.output.contains("has the tags that it asks for: disk=ssd"), "\(none)")
                try await expect(0, "other has 0 in total", of: "scale", "other", "--total", "0")
                let all = try await lab.command(mistyped + ["/"] + name)
                #expect(all.status == 1 && all.errors.contains("2 of them, would all stop: no host"), "\(all)")
            }
        }

        @Test func `a deployment of the same bundle that fails, or is overtaken, is told of`() async throws {
            try await Lab.network("1") { lab in
                try await lab.startNodes(1...1)
                let app = "\(lab.folder)/app"
                try lab.write(
                    "#!/bin/sh\ntest \"$MODE\" != bad || { echo no database; exit 3; }\nexec \"${0%/*}/Hello\"\n",
                    to: "\(app)/start", permissions: 0o755)
                try FileManager.default.copyItem(atPath: Binaries.hello, toPath: "\(app)/Hello")
                try lab.write("command: start\nsecrets: { MODE: environment }\n", to: "\(app)/igropyr.yaml")
                let (good, bad) = ("\(lab.folder)/good", "\(lab.folder)/bad")
                try lab.write("good", to: good)
                try lab.write("bad", to: bad)
                try await lab.succeed("deploy", app, "--secret", "MODE=\(good)")
                for words in [
                    ["deploy", app, "--secret", "MODE=\(bad)"], ["secret", "set", "app", "MODE", "--file", bad],
                ] {
                    let outcome = try await lab.command(words)
                    #expect(outcome.status == 1 && outcome.errors.contains("was rolled back"), "\(words): \(outcome)")
                    #expect(outcome.errors.contains("no database"), "\(words): \(outcome)")
                }
                try await lab.succeed("secret", "set", "app", "MODE", "--file", good)
                // Another's secret goes out with what was asked for.
                let mixed = try lab.start(
                    on: 1, ["igropyr", "deploy", app, "--env", "WHO=c", "--min-healthy", "10"] + lab.access)
                try await lab.statusSays("it is under way") { $0.workers.count == 2 }
                try lab.write("fine", to: good)
                try await lab.succeed("secret", "set", "app", "MODE", "--file", good, "--wait", "0")
                let both = try await mixed.finish()
                #expect(both.status == 0, "\(both)")
                // What waits for its canaries has another's deployment come in between.
                let canary = ["deploy", app, "--env", "WHO=a", "--min-healthy", "30"]
                let waiting = try lab.start(on: 1, ["igropyr"] + canary + lab.access)
                try await lab.statusSays("it is under way") { $0.workers.count == 2 }
                let planned = try await lab.succeed("deploy", app, "--env", "WHO=b", "--plan", "--json")
                #expect(try JSONSerialization.jsonObject(with: Data(planned.utf8)) is [String: Any])
                let made = try await lab.succeed("deploy", app, "--env", "WHO=b", "--json")
                let entry = try JSONSerialization.jsonObject(with: Data(made.utf8)) as? [String: Any]
                #expect(entry?["name"] as? String == "app" && entry?["spec"] != nil, "\(made)")
                let overtaken = try await waiting.finish()
                #expect(overtaken.status == 1 && overtaken.errors.contains("by others"), "\(overtaken)")
            }
        }

        @Test func `a command that waits goes on when the cluster's key is changed, if it can read the new one`()
            async throws
        {
            try await Lab.network("1") { lab in
                try await lab.startNodes(1...1)
                try await lab.deploy()
                let new = "\(lab.folder)/new"
                try await lab.makeKey(at: new)
                let words = ["igropyr", "deploy", Binaries.hello, "--name", "hello", "--min-healthy", "20", "--env"]
                let near = try lab.start(on: 1, words + ["A=1", "--data", "\(lab.folder)/1/data"])
                let far = try lab.start(on: 1, words + ["A=1"] + lab.access)
                try await lab.statusSays("it is under way") { $0.workers.count == 2 }
                try await lab.succeed("keys", "rotate", new)
                let told = try await near.finish()
                let untold = try await far.finish()
                #expect(told.status == 0 && told.output.contains("1 of 1 worker ready"), "\(told)")
                #expect(untold.status == 1 && untold.errors.contains("the cluster's key was changed"), "\(untold)")
            }
        }

        @Test func `a command that waits bears that the node which it asks is killed and started again`() async throws {
            try await Lab.network("2") { lab in
                try await lab.startNodes(1...2)
                try await lab.statusSays("both are there") { $0.hosts.count == 2 }
                try await lab.deploy()
                let words = [
                    "igropyr", "deploy", Binaries.hello, "--name", "hello", "--min-healthy", "10", "--env", "A=1",
                ]
                let waiting = try lab.start(on: 1, words + ["--node", lab.address(2), "--key-file", lab.keyFile])
                try await lab.statusSays("it is under way") { $0.workers.count > 2 }
                kill(try #require(try await lab.processes(of: "node", on: 2).first), SIGKILL)
                try await lab.statusSays("that node is dead") { status in
                    status.hosts.contains { $0.name == "host-2" && $0.status == "failed" }
                }
                try await lab.lab("start", "2")
                let outcome = try await waiting.finish()
                #expect(outcome.status == 0 && outcome.output.contains("2 of 2 workers ready"), "\(outcome)")
            }
        }

        @Test func `a scale that is lost beyond a partition is told of, also by the command that waits`()
            async throws
        {
            try await Lab.network("2") { lab in
                try await lab.startNodes(1...2)
                try await lab.statusSays("both are there") { $0.hosts.count == 2 }
                let gate = "\(lab.folder)/gate"
                try lab.write("", to: gate)
                let app = "\(lab.folder)/app"
                let script = "#!/bin/sh\nuntil test -e '\(gate)'; do sleep 0.1; done\nexec \"${0%/*}/Hello\"\n"
                try lab.write(script, to: "\(app)/start", permissions: 0o755)
                try FileManager.default.copyItem(atPath: Binaries.hello, toPath: "\(app)/Hello")
                try lab.write("command: start\nisolation: off\nuser: root\n", to: "\(app)/igropyr.yaml")
                try await lab.succeed("deploy", app)
                try FileManager.default.removeItem(atPath: gate)
                try await lab.lab("cut", "1", "2")
                let access = ["--node", lab.address(2), "--key-file", lab.keyFile]
                let waiting = try lab.start(
                    on: 2, ["igropyr", "scale", "app", "--total", "5", "--wait", "120"] + access)
                func audit() async throws -> String { try await lab.command("audit", on: 2).output }
                try await eventually("it is decided") { try await audit().contains("scale 5 in total") }
                try await lab.succeed("scale", "app", "--total", "3", "--wait", "0")
                try await lab.lab("heal", "1", "2")
                try await eventually("it is lost") { try await audit().contains("overruled") }
                try lab.write("", to: gate)
                let lost = try await waiting.finish()
                #expect(lost.status == 1 && lost.errors.contains("changed elsewhere in the meantime"), "\(lost)")
            }
        }

        @Test func `a host of another machine holds no rollout up, keeps what it runs, and gets none of a total`()
            async throws
        {
            try await Lab.network("3") { lab in
                try await lab.makeKey()
                let nodes = [try lab.startNode(on: 1), try lab.startNode(on: 2, "--join", lab.address(1))]
                // It takes itself for a machine with 32 bits.
                let other = try lab.start(
                    on: 3,
                    [
                        "linux32", "igropyr", "node", "--bind", lab.address(3), "--name", "host-3", "--data",
                        "\(lab.folder)/3/data", "--key-file", lab.keyFile, "--join", lab.address(1),
                    ])
                func problems() -> String { (nodes + [other]).map(\.errors).joined(separator: "\n") }
                try await lab.statusSays("all are there", or: problems()) { $0.hosts.count == 3 }
                // A script is for any machine, whatever lies beside it.
                let folder = "\(lab.folder)/any"
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
                try FileManager.default.copyItem(atPath: Binaries.hello, toPath: "\(folder)/Hello")
                try lab.write("#!/bin/sh\nexec \"${0%/*}/Hello\"\n", to: "\(folder)/start", permissions: 0o755)
                try lab.write("command: start\n", to: "\(folder)/igropyr.yaml")
                let first = try await lab.deploy(folder)
                #expect(first.status == 0, "\(first)")
                let old = try #require(try await lab.status().worker(on: 3)?.pid)
                let builds = "\(lab.folder)/builds"
                try lab.write("command: Hello\n", to: "\(builds)/igropyr.yaml")
                try FileManager.default.createDirectory(
                    atPath: "\(builds)/\(Binaries.machine)", withIntermediateDirectories: true)
                try FileManager.default.copyItem(atPath: Binaries.hello, toPath: "\(builds)/\(Binaries.machine)/Hello")
                let check = try await lab.start(on: 1, ["igropyr", "deploy", builds, "--check"])
                    .finish()
                #expect(check.status == 0 && check.output.contains("for \(Binaries.machine)"), "\(check)")
                let second = try await lab.deploy(builds)
                #expect(second.status == 0 && second.output.contains("3 of 3"), "\(second)")
                try await lab.statusSays("it keeps what it runs", or: problems()) { status in
                    let workers = status.workers.filter { $0.host == "host-3" }
                    return workers.compactMap(\.pid) == [old] && workers.map(\.state).sorted() == ["failed", "ready"]
                }
                #expect(try await lab.command("scale", "hello", "--total", "2").status == 0)
                try await lab.statusSays("the others have both", or: problems()) {
                    $0.workers.map(\.host).sorted() == ["host-1", "host-2"]
                }
                let third = try await lab.deploy(name: "other", route: "/other")
                #expect(third.status == 2 && third.output.contains("2 of 3"), "\(third)")
            }
        }

        @Test func `a restart, a rollback, a scale and a drain lose no request`() async throws {
            try await Lab.up("3", "--balancer") { lab in
                // What the rollback goes back to.
                let first = try await lab.start(
                    on: 1, ["igropyr", "deploy", Binaries.hello, "--name", "hello", "--env", "A=1"] + lab.access
                ).finish()
                try #require(first.status == 0, "\(first)")
                try await lab.serveHello(on: 1...3)
                let old = Set(try await lab.status().readyWorkers.compactMap(\.pid))
                let load = try Load(on: lab.entrance, for: 20, in: lab.folder)
                try await load.passes(Load.rate)
                let restart = try await lab.command("restart", "hello")
                #expect(restart.status == 0, "\(restart)")
                try await lab.statusSays("all are new") { Set($0.readyWorkers.compactMap(\.pid)).isDisjoint(with: old) }
                let rollback = try await lab.command("rollback", "hello")
                #expect(rollback.status == 0, "\(rollback)")
                let scale = try await lab.command("scale", "hello", "--per-host", "2")
                #expect(scale.status == 0, "\(scale)")
                try await lab.statusSays("six are ready") { $0.readyWorkers.count == 6 }
                let again = try await lab.deploy()
                #expect(again.status == 0, "\(again)")
                // A deployment that names no scale keeps it.
                try await lab.statusSays("six are ready still") { $0.readyWorkers.count == 6 }
                let plan = try await lab.command("plan", "--without", "host-3")
                #expect(plan.status == 0 && plan.output.contains("host-3 is gone"), "\(plan)")
                let drain = try await lab.command("drain", "host-3")
                #expect(drain.status == 0, "\(drain)")
                try await lab.answers(from: ["host-1", "host-2"])
                let back = try await lab.command("uncordon", "host-3")
                #expect(back.status == 0, "\(back)")
                try await eventually("it serves again") {
                    try await lab.hostsAnswering(lab.entrance).contains("host-3")
                }
                let summary = try await load.finish()
                print("operations under load: \(summary), longest \(summary.longest)")
                #expect(summary.lost == 0)
            }
        }
    }
}
