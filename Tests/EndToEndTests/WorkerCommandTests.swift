import FoundationEssentials
import Glibc
import Testing

extension EndToEnd {
    @Test func `what workers print, use and see is shown, from whatever host`() async throws {
        try await Lab.network("2") { lab in
            try await lab.startNodes(1...2)
            let folder = "\(lab.folder)/chatty"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try FileManager.default.copyItem(atPath: Binaries.hello, toPath: "\(folder)/Hello")
            let clearing = "printf 'a\\033[2Jb\\033[31mc\\n'"
            let script = "#!/bin/sh\n\(clearing)\nseq --format='line %g' 150\nexec \"${0%/*}/Hello\"\n"
            try lab.write(script, to: "\(folder)/start", permissions: 0o755)
            try lab.write("command: start\n", to: "\(folder)/igropyr.yaml")
            try await lab.statusSays("both hosts are there") { $0.hosts.count == 2 }
            let deployed = try await lab.deploy(folder)
            try #require(deployed.status == 0, "\(deployed)")

            // The hosts read what workers print by and by.
            try await eventually("the last hundred lines are shown") {
                let usual = try await lab.command("logs", "hello/host-2")
                let isRight = usual.output.hasPrefix("host-2/0  line 52\n") && usual.output.hasSuffix("listening\n")
                guard usual.status == 0, isRight else { throw Failure("\(usual)") }
                return true
            }
            let all = try await lab.command("logs", "hello", "--lines", "1000")
            for host in 1...2 { #expect(all.output.contains("host-\(host)/0  line 1\n"), "\(all)") }
            #expect(try await lab.command("logs", "hello", "--lines", "-1").status == 64)
            let strange = try await lab.command("logs", "shop")
            #expect(strange.status == 1 && strange.errors.contains("shop"), "\(strange)")

            let following = try lab.start(on: 1, ["igropyr", "logs", "hello", "-n", "1", "--follow"] + lab.access)
            try await eventually("it follows both hosts", or: following.errors) {
                (1...2).allSatisfy { following.output.contains("host-\($0)/0  ") }
            }
            try await lab.succeed("restart", "hello")
            for host in 1...2 {
                try await eventually("it tells what host \(host) prints", or: following.output) {
                    following.output.contains("host-\(host)/0  line 150\n")
                }
            }
            following.signal(SIGINT)
            let followed = try await following.finish()
            #expect(followed.status == 0 && followed.errors.isEmpty, "\(followed)")

            let top = try await lab.command("top")
            #expect(top.status == 0 && top.output.contains("host-1") && top.output.contains("host-2"), "\(top)")
            let some = try await lab.command("top", "hello/host-2")
            #expect(some.status == 0 && !some.output.contains("host-1") && some.output.contains("host-2"), "\(some)")
            let command = "echo out; echo err >&2; test -x start || exit 9; exit 3"
            let ran = try await lab.start(
                on: 1, ["igropyr", "exec", "hello/host-2"] + lab.access + ["--", "sh", "-c", command]
            ).finish()
            #expect(ran.status == 3 && ran.output == "out\n" && ran.errors == "err\n", "\(ran)")
            let access = lab.access.joined(separator: " ")
            for words in [
                "logs hello/host-2 -n 1000 \(access)", "exec hello/host-2 \(access) -- sh -c \"\(clearing)\"",
            ] {
                let plain = try await lab.run(on: 1, "bash", "-c", "igropyr \(words)")
                #expect(plain.output.contains("a\u{1B}[2Jb\u{1B}[31mc\n"), "\(words): \(plain)")
                let shown = try await lab.run(on: 1, "script", "-qec", "igropyr \(words)", "/dev/null").output
                #expect(shown.contains("a [2Jb\u{1B}[31mc"), "\(words): \(shown)")
                #expect(!shown.contains("\u{1B}[2J"), "a terminal obeys that: \(words)")
            }
        }
    }
}
