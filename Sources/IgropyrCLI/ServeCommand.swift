import ArgumentParser
import Igropyr
import IgropyrUV

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serve a folder of files by HTTP.",
        discussion: """
              igropyr serve ./public
              igropyr serve ./public --listen 0.0.0.0:80
              igropyr serve ./public --listen 0.0.0.0:443 \\
                --tls-certificate chain.pem --tls-key key.pem

            Regular files, index.html for folders, no listing, no names that begin with
            a dot. Started by a node or by systemd, it serves on the socket it is given.

            With certificates it speaks TLS 1.2 and 1.3 only. Both options may be
            repeated, in the same order: each client gets the certificate for the name
            that it asks for, or else the first. SIGHUP has the files read anew.
            """)

    @Argument(help: "The folder.")
    var folder: String

    @Option(help: "Where to listen: ADDRESS:PORT. Default: 127.0.0.1:8080, or the environment's PORT on every address.")
    var listen: EndpointArgument?

    @Option(
        help: ArgumentHelp("The server's certificate and those above it, in PEM. Repeatable.", valueName: "file"))
    var tlsCertificate: [String] = []

    @Option(help: ArgumentHelp("The certificate's private key, in PEM, not encrypted. Repeatable.", valueName: "file"))
    var tlsKey: [String] = []

    @Option(
        help: ArgumentHelp(
            "Let in only clients whose certificate one of the authorities in this file has issued.", valueName: "file"))
    var tlsClientCA: String?

    @Flag(name: .shortAndLong, help: "Log more.")
    var verbose = false

    func validate() throws {
        guard tlsCertificate.count == tlsKey.count else {
            throw ValidationError("Give one --tls-key for each --tls-certificate, in the same order.")
        }
        guard tlsClientCA == nil || !tlsCertificate.isEmpty else {
            throw ValidationError("--tls-client-ca needs a --tls-certificate and a --tls-key.")
        }
    }

    func run() async throws {
        Logs.begin(isVerbose: verbose)
        let app = App()
        app.files("/", from: folder)
        if !tlsCertificate.isEmpty {
            var tls = TLSConfiguration(
                certificates: zip(tlsCertificate, tlsKey).map { .init(chainFile: $0, keyFile: $1) })
            if let tlsClientCA { tls.clientCertificates = .required(caFile: tlsClientCA) }
            app.tls = tls
        }
        let endpoint = listen?.endpoint(defaultPort: 8080)
        try await app.run(host: endpoint?.host, port: endpoint?.port)
    }
}
