public import Igropyr
public import IgropyrConfiguration

/// A web site, or several by the names of their hosts: what `site.yaml` says, and what a program may say in its place.
///
/// ```swift
/// var site = Site(root: "web")
/// site.port = 80
/// site.owner = try ProcessOwner(user: "www", group: nil)
/// site.base.rules.handlers["php"] = .fastCGI(FastCGISettings(.unix("/run/php/php-fpm.sock")))
/// try await site.run()
/// ```
public struct Site: Sendable {
    /// Where to listen; nil for what `App.run(host:port:)` takes then.
    public var address: String?
    public var port: UInt16?
    /// Open connections of all loops together; further ones wait in the kernel's queue until one of these is closed.
    public var connections = 1024
    /// Event loops, each on a thread of its own; nil for as many as there are processors.
    public var loops: Int?
    /// Who the process goes on as once it listens.
    public var owner: ProcessOwner?
    /// What `Server` and `SERVER_SOFTWARE` say; nil for no such field.
    public var serverName: String? = "igropyr"
    public var tls: TLSConfiguration?
    /// Where clients that come without TLS are sent to the same at ``port`` by https. Of no account on a socket that is
    /// handed over.
    public var redirectsFrom: NetworkAddress?
    /// Proxies whose `X-Forwarded-For` is believed: who the client is decides on ``FolderRules/networks``.
    public var trustedProxies: [IPNetwork] = []
    /// Programs of ``FileHandling/cgi(_:)`` at once, on all loops together; further requests wait.
    public var processes = 32
    /// Who runs the pages of ``FileHandling/schemePage(_:)`` and ``FileHandling/schemeValue``.
    public var scheme = SchemeSettings()
    /// Whether a page that fails shows why, with its calls. For authors: it tells strangers of the site's insides.
    public var isDevelopment = false

    /// What answers requests for no host of ``hosts``, and what those begin with.
    public var base: SiteHost
    /// Virtual hosts; the first whose pattern fits the request's `Host` answers.
    public var hosts: [SiteHost] = []
    /// The name of the one among ``hosts`` that answers for others, in place of ``base``; a request without a `Host`
    /// goes there, too.
    public var defaultHost: String?

    /// In place of what happens otherwise.
    public var events = SiteEvents()

    /// What answers in place of all that is no file.
    package internal(set) var program: SchemeProgram?
    /// How long a connection stays open for the next request.
    var idleTimeout: Duration?

    /// Files that are never served wherever they lie within a root: the site's own file.
    var hiddenFiles: Set<String> = []

    public init(root: String) { base = SiteHost(patterns: [], root: root) }

    /// Reads a file's bytes.
    ///
    /// - Parameters:
    ///   - bytes: The whole file.
    ///   - file: Its path: errors name it, and paths in it are relative to its folder.
    /// - Throws: All that is wrong with it, with lines.
    public init(_ bytes: [UInt8], file: String) throws(ConfigurationError) {
        self = try Schema.site(in: SiteFolder(ofFile: file)).read(bytes, file: file)
        hiddenFiles.insert(file)
    }
}

/// One of a site's hosts.
public struct SiteHost: Sendable {
    /// Names of the host, in which `*` is any part of a name, or behind `~ ` a regular expression.
    public var patterns: [HostPattern]
    /// The folder that is served. A link here is followed; what happens to links beneath, ``FolderRules/symlinks``
    /// says.
    public var root: String
    /// Of what its folders begin with, before their access files.
    public var rules = FolderRules()
    /// What is different for a path and all that begins with it and a slash, whether or not it is there: `/admin`,
    /// `/login.php`. Deeper ones come later, and before the access file of the same folder.
    public var paths: [String: FolderRules.Change] = [:]
    /// The name of the files that govern the folders they are in (docs/sites.md); nil for none.
    public var accessFile: String?
    public var logs = HostLogs()

    public init(patterns: [HostPattern], root: String) {
        self.patterns = patterns
        self.root = root
    }
}

/// Where a host's lines go. All of these files are opened anew on SIGUSR1.
public struct HostLogs: Sendable, Hashable {
    /// A line for each request; nil for none.
    public var access: SiteAccessLog?
    /// What went wrong, also what programs write to their standard error; nil for the process's own log.
    public var errorFile: String?
    /// What helps to find out why; nil for none.
    public var debugFile: String?

    public init() {}
}

public struct SiteAccessLog: Sendable, Hashable {
    public var file: String
    public var format: AccessLog.Format

    public init(_ file: String, _ format: AccessLog.Format = .combined) {
        self.file = file
        self.format = format
    }
}
