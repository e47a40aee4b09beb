import ArgumentParser
import Igropyr
import IgropyrSites
import IgropyrTransport
import IgropyrUV

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serve a folder of files, or a site with hosts and programs, by HTTP.",
        discussion: """
              igropyr serve ./public
              igropyr serve ./public --listen 0.0.0.0:80
              igropyr serve ./downloads --listing --cache-control 'no-cache'
              igropyr serve ./dist --fallback /index.html \\
                --cache-control 'assets/**: public, max-age=31536000, immutable'
              igropyr serve ./public --listen 0.0.0.0:443 \\
                --tls-certificate chain.pem --tls-key key.pem

            Regular files, in the coding that the client takes: a sibling (app.js.br,
            app.js.zst, app.js.gz), or compressed on the way. A changed file is seen
            within a second. Started by a node or by systemd, it serves on the socket
            that it is given.

            With a file that says more (docs/sites.md): virtual hosts, CGI, FastCGI,
            SCGI, access files, redirects, logs. It is found in the folder, too:

              igropyr serve --config site.yaml --check
              igropyr serve --config site.yaml
              igropyr serve ./site

            A program for Igropyr's first edition, in Scheme, as its manual has it (the
            package guile-3.0 is needed):

              igropyr serve --scheme hello.scm

            With certificates it speaks TLS 1.2 and 1.3 only. Both options may be
            repeated, in the same order: each client gets the certificate for the name
            that it asks for, or else the first. SIGHUP has the files read anew, and
            the site's file.
            SIGUSR1 has the logs opened anew. SIGTERM, SIGQUIT and Ctrl-C let
            requests finish.
            """)

    @Argument(help: "The folder. One with a site.yaml is served as that says.", transform: nonempty)
    var folder: String?

    @Option(help: ArgumentHelp("What the site is (docs/sites.md).", valueName: "file"), transform: nonempty)
    var config: String?

    @Option(help: ArgumentHelp("A program for Igropyr's first edition.", valueName: "file"), transform: nonempty)
    var scheme: String?

    @Flag(help: "Say what is wrong with the site's file, or what was understood, and end.")
    var check = false

    @Option(
        help: "Where to listen: ADDRESS:PORT. Default: 127.0.0.1:8080, or the environment's PORT on every address.",
        transform: EndpointArgument.init(parsing:))
    var listen: EndpointArgument?

    @OptionGroup(title: "Files") var files: FileOptions

    @OptionGroup(title: "TLS") var tls: TLSOptions

    @Flag(name: .shortAndLong, help: "Log more.")
    var verbose = false

    func validate() throws {
        guard [folder, config, scheme].count(where: { $0 != nil }) == 1 else {
            throw ValidationError("Give a folder, or a --config FILE, or a --scheme FILE.")
        }
    }

    func run() async throws {
        let site = if let scheme { try await Site(program: scheme) } else { try siteFile.map(Site.reading) }
        if check {
            guard let site else {
                throw CommandFailure("\(folder ?? "") has no \(Site.fileName) that could be checked")
            }
            try site.checkFiles()
            try site.tls?.check()
            return print(site.summary)
        }
        Logs.begin(isVerbose: verbose)
        if let site { try await serve(site, file: scheme == nil ? siteFile : nil) } else { try await serveFiles() }
    }

    /// Nil for a folder of files only.
    private var siteFile: String? {
        get throws {
            if let config { return config }
            guard let folder else { return nil }
            let file = (folder.hasSuffix("/") ? folder : folder + "/") + Site.fileName
            guard Site.exists(file) else { return nil }
            guard files.areDefaults else {
                throw ValidationError("\(file) says how files are served: leave the options for files out.")
            }
            return file
        }
    }

    /// `file` is read anew at SIGHUP.
    private func serve(_ site: Site, file: String?) async throws {
        let (place, tls) = (listen?.endpoint(defaultPort: 8080), tls.configuration)
        @Sendable func completed(_ site: Site) -> Site {
            var site = site
            if let place { (site.address, site.port) = (place.host, place.port) }
            if let tls { site.tls = tls }
            return site
        }
        guard let file else { return try await completed(site).run() }
        try await completed(site).run { completed(try Site.reading(file)) }
    }

    private func serveFiles() async throws {
        let app = App()
        app.files("/", from: folder ?? ".", files.serving)
        app.tls = tls.configuration
        let endpoint = listen?.endpoint(defaultPort: 8080)
        try await app.run(host: endpoint?.host, port: endpoint?.port)
    }
}
