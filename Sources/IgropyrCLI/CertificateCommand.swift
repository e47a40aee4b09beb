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
            is given the same --name. After certbot has renewed one, on whichever host:

              certbot renew --deploy-hook 'igropyr certificate set \\
                  --certificate "$RENEWED_LINEAGE/fullchain.pem" \\
                  --key "$RENEWED_LINEAGE/privkey.pem"'

            igropyr status tells of those that end within 14 days.
            """,
        subcommands: [Set.self, List.self, Remove.self], defaultSubcommand: List.self)

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
                    "\(certificate.name)", certificate.expiresAt.day, ClockTime.text(certificate.changedAt),
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

        @OptionGroup var control: ControlOptions

        func run() async throws {
            let name = name
            try await control.withClient { client, node in try await client.removeCertificate(name, at: node) }
            print("removed the certificate \(name)")
        }
    }
}
