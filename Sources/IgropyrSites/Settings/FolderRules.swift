public import Igropyr
internal import IgropyrUV

/// How the requests for a folder and all below it are answered. A site has them, a host may have others, and so may
/// each folder by its access file.
public struct FolderRules: Sendable {
    /// What stands for a folder: the first of these that is there.
    public var indexFiles = ["index.html", "index.xhtml"]
    /// Media types by the ends of names, before those that are known anyway.
    public var types: [String: String] = [:]
    public var defaultType = "application/octet-stream"
    /// What answers for files by the ends of their names; others are sent as they are.
    public var handlers: [String: FileHandling] = [:]
    /// How a folder without an index is shown; nil for not at all: 403.
    public var listing: FolderListing?
    /// Whether names that begin with a dot are served; `.well-known` always is.
    public var servesDotfiles = false
    /// Whether a path may go on behind a file's name.
    public var allowsPathInfo = true
    public var cacheControl = CachePolicy()
    /// Whether files, and what programs and pages answer, are compressed as they are sent: see ``Compression``.
    public var compresses = true
    /// Fields of each response, in place of those it had.
    public var fields: [(name: HTTPField.Name, value: String)] = []
    /// Pages, by status, in place of the built-in ones: paths from the root.
    public var statusPages: [Int: String] = [:]
    /// What is not served, with which status.
    public var refusals = PathRefusals()
    /// Who may ask at all, each list for itself: access files can only make it fewer.
    public var networks: [NetworkRule] = []
    /// How often each client may ask; proxies are those of the site. Nil for as often as it likes.
    public var rateLimit: RateLimit?
    /// Who may ask by a name or a token; nil for all.
    public var authentication: SiteAuthentication?
    /// The first that fits counts; access files' go before those above them.
    public var redirects: [PathRule] = []
    public var rewrites: [PathRule] = []
    /// Who answers where nothing is: a file's path from the root, as if a rewrite led there. Nil for 404.
    public var fallback: String?
    /// Where files lie that programs may have sent in place of an answer of their own; the first that fits counts.
    public var sentFolders: [SentFolder] = []
    /// Bytes of a request's body; more is answered 413.
    public var bodyBytes = 1 << 20
    /// Of the whole host, so not for access files.
    public var symlinks = SymlinkRule.refused

    public init() {}

    /// What an access file, or a path of a site's file, makes of the rules above it.
    public typealias Change = @Sendable (inout FolderRules) -> Void

    /// These, but for what `other` says of requests rather than files: who may make them, and what every answer has.
    func withRequests(as other: FolderRules) -> FolderRules {
        var rules = self
        rules.fields = other.fields
        rules.statusPages = other.statusPages
        rules.compresses = other.compresses
        rules.networks = other.networks
        rules.rateLimit = other.rateLimit
        rules.authentication = other.authentication
        rules.bodyBytes = other.bodyBytes
        return rules
    }

    /// Whether a file is its own content: not one that something else answers for, nor one that is source or data of
    /// pages, unless that is said.
    func sendsAsItIs(_ file: String) -> Bool {
        switch handlers[file.fileEnd] {
        case .file: true
        case nil: types[file.fileEnd] != nil || !Self.isOfPages(file)
        case .cgi, .fastCGI, .scgi, .schemePage, .schemeValue, .mustache, .custom: false
        }
    }

    private static func isOfPages(_ file: String) -> Bool {
        ["ssp", "ws", "mustache"].contains(file.fileEnd)
            || MustacheData.ends.contains { file.hasSuffix("." + $0) }
    }

    /// A folder that is out of clients' reach.
    public struct SentFolder: Sendable, Hashable {
        /// What programs call it in `X-Accel-Redirect`: begins with a slash, and ends without one.
        public var name: String
        /// Its whole path, without a slash at the end; `X-Sendfile` has files by that.
        public var folder: String

        public init(name: String, folder: String) {
            self.name = name
            self.folder = folder
        }
    }

    /// How links beneath a root are taken.
    public enum SymlinkRule: String, Sendable, CaseIterable {
        case refused
        /// Followed as long as they stay within the root.
        case within
        /// Followed wherever they lead, as packages of distributions need it: who may make one in the root may publish
        /// what this process can read.
        case followed

        var ofFolder: Folder.Symlinks {
            switch self {
            case .refused: .refused
            case .within: .beneath
            case .followed: .followed
            }
        }
    }
}

/// Clients by their addresses.
public struct NetworkRule: Sendable, Hashable {
    /// If not empty, only these.
    public var allowed: [IPNetwork]
    /// Not these, whatever else is said.
    public var denied: [IPNetwork]

    public init(allowed: [IPNetwork] = [], denied: [IPNetwork] = []) {
        self.allowed = allowed
        self.denied = denied
    }
}

/// What answers for a file.
public enum FileHandling: Sendable {
    /// Sends it.
    case file
    /// Runs it, by the rules of CGI/1.1 (RFC 3875).
    case cgi(CGISettings)
    /// Has a program that runs already answer by FastCGI, as a responder.
    case fastCGI(GatewaySettings)
    /// The same by SCGI.
    case scgi(GatewaySettings)
    /// Shows it as HTML with Scheme between tags, run as ``Site/scheme`` says.
    case schemePage(SchemeTags)
    /// Shows the value of the Scheme in it: text, or HTML as an s-expression.
    case schemeValue
    /// Shows it as a Mustache template, filled with the request and the data that stand beside it.
    case mustache
    /// Whatever a program likes.
    case custom(@Sendable (FileRequest) async throws -> Response)
}

extension String {
    /// What stands behind the last dot of a path's last name, in lower case; empty without one.
    var fileEnd: String {
        let bytes = utf8.span
        let (dot, slash) = (UInt8(ascii: "."), UInt8(ascii: "/"))
        let last = bytes.indices.last { bytes[$0] == dot || bytes[$0] == slash }
        guard let last, bytes[last] == dot else { return "" }
        return unsafe bytes.bytes.extracting((last + 1)..<bytes.count).lowerCaseText
    }
}

/// How a file is run.
public struct CGISettings: Sendable, Hashable {
    /// The program that runs it, and its first arguments; the file follows. Empty: the file itself is the program.
    public var interpreter: [String] = []
    /// What each program finds in its environment, beside the variables of the request, which go first.
    public var environment: [String: String] = ["PATH": "/usr/local/bin:/usr/bin:/bin"]
    /// How long a program may say nothing; then it is ended.
    public var timeout = Duration.seconds(30)

    public init() {}
}

/// How a program that runs already is talked to.
public struct GatewaySettings: Sendable, Hashable {
    public var address: GatewayAddress
    /// Further variables for it.
    public var environment: [String: String] = [:]
    /// The program's name for the root; nil for the same as ours.
    public var root: String?
    /// How long it may say nothing.
    public var timeout = Duration.seconds(30)
    /// Connections at once on each loop; further requests wait.
    public var connections = 64
    /// Connections that stay open on each loop for the next request; FastCGI only. Each takes one of php-fpm's
    /// processes.
    public var idleConnections = 0

    public init(_ address: GatewayAddress) { self.address = address }

    /// By the address alone, since each request looks for it: programs at one address are seldom talked to in several
    /// ways.
    public func hash(into hasher: inout Hasher) { hasher.combine(address) }
}
