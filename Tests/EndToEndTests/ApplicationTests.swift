import FoundationEssentials
import Glibc
import Testing

extension EndToEnd {
    /// Applications that an `igropyr.yaml` describes.
    struct ApplicationTests {
        /// Answers with who it is, what it was given and which paths it was asked for before.
        private static let program = #"""
            #!/usr/bin/perl
            use strict; use Socket; use IO::Handle;
            open(my $listener, "+<&=", 3) or die $!;
            $listener->blocking(1);
            my @paths; my $key = "";
            if (open(my $file, "<", "$ENV{CREDENTIALS_DIRECTORY}/KEY")) { local $/; $key = <$file>; }
            my $write = open(my $try, ">", "$0.new") ? "writable" : "read-only";
            my $state = -e "$ENV{DATA}/state.json" ? "in sight" : "out of sight";
            while (accept(my $client, $listener)) {
                my $head = "";
                while ($head !~ /\r\n\r\n/) { sysread($client, $head, 4096, length $head) or last; }
                my ($path) = $head =~ /^GET (\S+)/;
                my $body = "uid $>\ntoken $ENV{TOKEN}\nkey $key\nbundle $write\nstate $state\ntmp $ENV{TMPDIR}\nbefore @paths\n";
                push @paths, $path;
                syswrite($client, "HTTP/1.1 200 OK\r\nContent-Length: " . length($body) . "\r\nConnection: close\r\n\r\n$body");
                close $client;
            }
            """#

        private static let manifest = """
            name: shop
            command: bin/shop
            environment: { DATA: "PLACE" }
            secrets: { TOKEN: environment, KEY: file }
            health: { http: /health, timeout: 30s, warm-up: [/first, /second] }
            limits: { files: 256 }
            isolation: on
            routes: /shop
            """

        private func answer(_ lab: Lab, _ path: String = "/shop") async throws -> String {
            try await Program.run(["curl", "--silent", "--max-time", "20", lab.entrance + path]).output
        }

        @Test func `an application gets what its file asks for: secrets, warm-up, confinement`() async throws {
            try await Lab.up("1", "--balancer") { lab in
                let (shop, data) = ("\(lab.folder)/shop", "\(lab.folder)/1/data")
                try lab.write(Self.program, to: "\(shop)/bin/shop", permissions: 0o755)
                try lab.write(Self.manifest.replacing("PLACE", with: data), to: "\(shop)/igropyr.yaml")
                try lab.write("first-token-value\n", to: "\(lab.folder)/token", permissions: 0o755)
                try lab.write("key-of-many-lines\nsecond line", to: "\(lab.folder)/key")
                let kept = { try FileManager.default.contentsOfDirectory(atPath: "\(data)/bundles").sorted() }
                let none = try kept()
                for command in [["deploy", shop], ["deploy", shop, "--plan"]] {
                    let missing = try await lab.command(command)
                    #expect(missing.status == 1 && missing.errors.contains("the secret KEY has no value"), "\(missing)")
                    #expect(try kept() == none, "nothing was sent")
                }
                let deployed = try await lab.command(
                    "deploy", shop, "--secret", "TOKEN=\(lab.folder)/token", "--secret", "KEY=\(lab.folder)/key")
                try #require(deployed.status == 0, "\(deployed)")
                try await eventually("it answers") { try await answer(lab).contains("uid 2079123311\n") }
                let all = try kept()
                let taken = try await lab.command("deploy", lab.folder + "/token", "--name", "other", "--path", "/shop")
                #expect(taken.status == 1 && taken.errors.contains("taken by application shop"), "\(taken)")
                #expect(try kept() == all, "nothing was sent")
                let body = try await answer(lab)
                for line in [
                    "token first-token-value", "key key-of-many-lines\nsecond line", "bundle read-only",
                    "state out of sight", "tmp /tmp", "before /health /first /second",
                ] { #expect(body.contains(line), "\(line) in \(body)") }

                try lab.write("second-token-value\n", to: "\(lab.folder)/token")
                let set = try await lab.command("secret", "set", "shop", "TOKEN", "--file", "\(lab.folder)/token")
                try #require(set.status == 0, "\(set)")
                try await eventually("its workers have the new value") {
                    try await answer(lab).contains("token second-token-value")
                }
                let again = try await lab.command("deploy", shop, "--env", "MORE=1")
                #expect(again.status == 0, "what was set stays: \(again)")
                #expect(try await answer(lab).contains("token second-token-value"))

                let found = try await Program.run([
                    "grep", "-rlaE", "token-value|key-of-many-lines", data, "\(lab.folder)/1",
                ])
                #expect(found.output == "", "no secret is on the disk or in a log in the clear")
                let status = try await lab.start(on: 1, ["igropyr", "status", "--json"] + lab.access)
                    .finish()
                #expect(!status.output.contains("token-value"))
            }
        }

        @Test func `what is wrong with the file is told with lines, and nothing is sent`() async throws {
            try await Lab.network("1") { lab in
                let shop = "\(lab.folder)/shop"
                try lab.write("name: shop\ncommand: bin/none\nworkrs: 2\n", to: "\(shop)/igropyr.yaml")
                for arguments in [["--check"], ["--node", "127.0.0.1:1"]] {
                    let outcome = try await lab.start(on: 1, ["igropyr", "deploy", shop] + arguments)
                        .finish()
                    #expect(outcome.status == 1, "\(outcome)")
                    #expect(outcome.errors.contains("\(shop)/igropyr.yaml:3:1: "), "\(outcome)")
                    #expect(outcome.errors.contains("did you mean \"workers\"?"), "\(outcome)")
                }
            }
        }

        @Test func `an example is deployed as its file says`() async throws {
            try await Lab.up("1", "--balancer") { lab in
                let hello = "\(lab.folder)/hello"
                let example = try String(
                    decoding: Data(contentsOf: URL(filePath: "\(Binaries.examples)/Hello/igropyr.yaml")), as: UTF8.self)
                try lab.write(example, to: "\(hello)/igropyr.yaml")
                try FileManager.default.createDirectory(atPath: "\(hello)/bin", withIntermediateDirectories: true)
                try FileManager.default.copyItem(atPath: Binaries.hello, toPath: "\(hello)/bin/Hello")
                let deployed = try await lab.command("deploy", hello)
                try #require(deployed.status == 0, "\(deployed)")
                try await lab.answers(from: ["host-1"])
                try await lab.statusSays("two are ready") { $0.readyWorkers.count { $0.application == "hello" } == 2 }
            }
        }

        @Test(arguments: [("Python", "python3", "Python"), ("Node", "node", "Node.js")])
        func `an example in another language serves on the socket that it is given`(
            folder: String, interpreter: String, says: String
        ) async throws {
            guard try await Program.run(["which", interpreter]).status == 0 else {
                return print("SKIPPED, there is no \(interpreter) here: its example")
            }
            try await Lab.up("1", "--balancer") { lab in
                let deployed = try await lab.command("deploy", "\(Binaries.examples)/\(folder)", "--path", "/other")
                try #require(deployed.status == 0, "\(deployed)")
                try await eventually("it answers") {
                    try await answer(lab, "/other").contains("Hello from host-1, \(says), path /other\n")
                }
            }
        }
    }
}
