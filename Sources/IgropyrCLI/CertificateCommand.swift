import ArgumentParser
import IgropyrCluster
import IgropyrOrchestration
import IgropyrTransport

struct CertificateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "certificate",
        abstract: "Give all balancers of the cluster a certificate, list those that they have, or remove one.",
        discussion: """
            A balancer with --tls-cluster, or "tls: cluster" in the file of --config,
            shows a client the certificate of the cluster that names the server it
            asks for; so does that of a node with --balance-tls. One that is set is
            shown by all of them within a second, also by those on hosts that join
            later, for new connections. The private keys are stored under a key that
            is made from the cluster's.

              igropyr certificate set --certificate fullchain.pem --key privkey.pem
              igropyr certificate list
              igropyr certificate remove shop.example.org

            A renewed one replaces the old one if it begins with the same server, or
            is given the same --name. With certbot, on whichever host; it remembers the
            hooks, and renews by itself (docs/operations.md):

              certbot certonly --manual --preferred-challenges http \\
                  -d shop.example.org --manual-auth-hook \\
                  'igropyr certificate challenge "$CERTBOT_VALIDATION"' \\
                  --deploy-hook 'igropyr certificate set \\
                  --certificate "$RENEWED_LINEAGE/fullchain.pem" \\
                  --key "$RENEWED_LINEAGE/privkey.pem"'

            igropyr status tells of those that end within 14 days.
            """,
        subcommands: [Set.self, List.self, Remove.self, Challenge.self], defaultSubcommand: List.self)

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Have all balancers show a certificate.",
            discussion: """
                  igropyr certificate set --certificate fullchain.pem --key privkey.pem
                """)

        @Option(
            help: ArgumentHelp("The server's certificate and those above it, in PEM.", valueName: "file"),
            transform: nonempty)
        var certificate: String

        @Option(
            help: ArgumentHelp("The certificate's private key, in PEM, not encrypted.", valueName: "file"),
            transform: nonempty)
        var key: String

        @Option(
            help: "What it is called. Default: the first server that it stands for.",
            transform: CertificateName.init(_:))
        var name: CertificateName?

        @Flag(help: "For programs.")
        var json = false

        @OptionGroup var control: ControlOptions

        func run() async throws {
            let (name, files) = (name, TLSConfiguration.Certificate(chainFile: certificate, keyFile: key))
            let pem: [UInt8]
            // The node finds the same, but does not know the files' names.
            do throws(TLSError) {
                for warning in try CertificateSummary(reading: files).warnings {
                    StandardError.write("warning: \(warning)\n", .warning)
                }
                pem = try files.pem()
            } catch { throw CommandFailure("\(error)") }
            let report = try await control.withClient { client, node in
                try await client.setCertificate(name, pem, at: node)
            }
            guard !json else { return print(try JSONText.of(report)) }
            let servers = report.servers.joined(separator: ", ")
            print(
                "set the certificate \(report.name), for \(servers.plain), until "
                    + "\(report.expiresAt.day): the cluster's balancers show it")
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the certificates that the cluster has.",
            discussion: """
                  igropyr certificate list
                  igropyr certificate list --json | jq -r '.certificates[].servers[]'
                """)

        @Flag(help: "For programs.")
        var json = false

        @OptionGroup var control: ControlOptions

        func run() async throws {
            let report = try await control.withClient { client, node in try await client.certificates(of: node) }
            if json { return print(try JSONText.of(report)) }
            guard !report.certificates.isEmpty else {
                return print("no certificates: igropyr certificate set --certificate FILE --key FILE")
            }
            var table = Table("NAME", "EXPIRES", "SET", "SERVERS")
            for certificate in report.certificates {
                table.add(
                    "\(certificate.name)", certificate.expiresAt.day, ClockTime.text(certificate.setAt),
                    certificate.servers.joined(separator: " "))
            }
            print(table.text)
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Have no balancer show a certificate any more.",
            discussion: """
                  igropyr certificate remove shop.example.org
                """)

        @Argument(help: "What it is called.", transform: CertificateName.init(_:))
        var name: CertificateName

        @Flag(help: "For programs.")
        var json = false

        @OptionGroup var control: ControlOptions

        func run() async throws {
            let name = name
            try await control.withClient { client, node in try await client.removeCertificate(name, at: node) }
            print(try json ? JSONText.of(["removed": name]) : "removed the certificate \(name)")
        }
    }

    struct Challenge: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Have all balancers answer a certificate authority's challenge (ACME, HTTP-01).",
            discussion: """
                The authority may ask any of them at /.well-known/acme-challenge/. They
                answer on every listener, also where all else is sent to https, and while
                there is no certificate. Returns once they do; nothing need be taken back.

                  certbot certonly --manual --preferred-challenges http \\
                      -d shop.example.org --manual-auth-hook \\
                      'igropyr certificate challenge "$CERTBOT_VALIDATION"'

                In dehydrated's hook (deploy_challenge) it is $4, in uacme's (begin) $5.

                Exit code 2: a balancer does not answer.
                """)

        @Argument(
            help: "What the authority is to find: its token, a dot, and the thumbprint of the account's key.",
            transform: parse)
        var text: AuthorityChallenge

        @Flag(help: "For programs.")
        var json = false

        @OptionGroup var waiting: TimeoutOption
        @OptionGroup var control: ControlOptions

        private static func parse(_ text: String) throws -> AuthorityChallenge {
            guard let challenge = AuthorityChallenge(text) else {
                throw ValidationError("this is no TOKEN.THUMBPRINT, in letters, digits, '-' and '_'.")
            }
            return challenge
        }

        func run() async throws {
            var question = text.question
            question.timeout = waiting.timeout
            let asking = question
            let poll = try await control.withClient { client, node in
                try await Poll.run("telling", until: { $0.asked.isSubset(of: $0.answers.keys) }) { onLine in
                    try await client.query(asking, by: node, onLine: onLine)
                }
            }
            guard !poll.asked.isEmpty else {
                throw CommandFailure("there is no balancer that could answer: igropyr balancer, or node --balance")
            }
            let silent = poll.asked.subtracting(poll.answers.keys)
            print(
                try json
                    ? JSONText.of(["answered": poll.answers.keys.sorted(), "silent": silent.sorted()])
                    : "answered by \(poll.answers.count) of \(poll.asked.count.counting("balancer"))")
            poll.complain(silent, "does not say that it answers: igropyr reachability")
            if !silent.isEmpty { throw ExitCode.incomplete }
        }
    }
}
