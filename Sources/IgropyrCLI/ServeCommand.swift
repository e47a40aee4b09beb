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

            Regular files, index.html for folders, no listing, no names that begin with
            a dot. Started by a node or by systemd, it serves on the socket it is given.
            """)

    @Argument(help: "The folder.")
    var folder: String

    @Option(help: "Where to listen: ADDRESS:PORT. Default: 127.0.0.1:8080, or the environment's PORT on every address.")
    var listen: EndpointArgument?

    @Flag(name: .shortAndLong, help: "Log more.")
    var verbose = false

    func run() async throws {
        Logs.begin(isVerbose: verbose)
        let app = App()
        app.files("/", from: folder)
        let endpoint = listen?.endpoint(defaultPort: 8080)
        try await app.run(host: endpoint?.host, port: endpoint?.port)
    }
}
