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
              igropyr serve ./downloads --listing --cache-control 'no-cache'
              igropyr serve ./dist --cache-control 'assets/**: public, max-age=31536000, immutable'
              igropyr serve ./public --listen 0.0.0.0:443 \\
                --tls-certificate chain.pem --tls-key key.pem

            Regular files, in the coding that the client takes: a sibling (app.js.br,
            app.js.zst, app.js.gz), or compressed on the way. A changed file is seen
            within a second. Started by a node or by systemd, it serves on the socket
            that it is given.

            With certificates it speaks TLS 1.2 and 1.3 only. Both options may be
            repeated, in the same order: each client gets the certificate for the name
            that it asks for, or else the first. SIGHUP has the files read anew.
            """)

    @Argument(help: "The folder.")
    var folder: String

    @Option(help: "Where to listen: ADDRESS:PORT. Default: 127.0.0.1:8080, or the environment's PORT on every address.")
    var listen: EndpointArgument?

    @OptionGroup(title: "Files") var files: FileOptions

    @OptionGroup(title: "TLS") var tls: TLSOptions

    @Flag(name: .shortAndLong, help: "Log more.")
    var verbose = false

    func run() async throws {
        Logs.begin(isVerbose: verbose)
        let app = App()
        app.files("/", from: folder, files.serving)
        app.tls = tls.configuration
        let endpoint = listen?.endpoint(defaultPort: 8080)
        try await app.run(host: endpoint?.host, port: endpoint?.port)
    }
}
