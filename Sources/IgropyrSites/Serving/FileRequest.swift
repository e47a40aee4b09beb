public import Igropyr
internal import IgropyrText
public import IgropyrUV
public import Logging

/// A request for a file of a site, once it is known which; stays on its loop.
public final class FileRequest {
    /// The method, which is GET once a program has sent the request on.
    public let method: String
    /// Beneath the root, without a slash before it: a file's path, a folder's, or what was asked for and is not there.
    public let file: String
    /// The names behind the file's, decoded.
    public let pathInfo: [String]
    /// As it was sent.
    public let query: String?
    /// The name by which the client was let in.
    public let user: String?

    let authenticationScheme: String?
    let isRestarted: Bool
    let scope: FolderScope
    private let inquiry: Inquiry

    init(_ inquiry: Inquiry, _ path: SitePath, file: String, pathInfo: [String], _ scope: FolderScope) {
        self.inquiry = inquiry
        self.file = file
        self.pathInfo = pathInfo
        self.scope = scope
        method = path.isRestarted ? "GET" : inquiry.request.method.rawValue
        query = path.query
        isRestarted = path.isRestarted
        user = inquiry.user
        authenticationScheme = inquiry.scheme
    }

    public var request: Request { inquiry.request }
    /// The host that the client asked for, in lower case and without the port; the server's address if it named none.
    public var hostName: String { inquiry.hostName }
    /// The root's whole path, without a slash at its end.
    public var root: String { inquiry.root.path }
    /// Who asks, as trusted proxies say it.
    public var remoteAddress: SocketAddress? { inquiry.client }
    public var rules: FolderRules { scope.rules }
    /// Errors go to the host's error log, messages of level debug to its debug log.
    public var log: Logger { inquiry.host.log }

    var serverName: String? { inquiry.serverName }
    var loop: EventLoop { inquiry.loop }
    var folder: Folder { inquiry.root.folder }
    var files: StaticFolder { scope.files }

    /// Whether to do it twice is as good as once (RFC 9110 §9.2.2).
    var isIdempotent: Bool { isRestarted || request.isIdempotent }

    /// What the site says of requests for this path counts for the fallback, too.
    func keepAskedPath() { if inquiry.askedPath == nil { inquiry.askedPath = inquiry.file } }

    /// The answer comes in the coding that the client takes, or may have none.
    func hasChosenCoding() { inquiry.hasChosenCoding = true }

    /// A file beneath the root, as it is.
    /// - Throws: ``HTTPFailure`` 404 if there is none.
    public func sendFile(_ path: String) throws -> Response {
        guard let path = FilePath(path.pathNames.filter { !$0.isEmpty }, servesDotfiles: rules.servesDotfiles),
            let response = try files.file(path.text, for: request)
        else { throw HTTPFailure(.notFound) }
        return response
    }

    /// The media type that files with this end get.
    public func mediaType(ofEnd end: String) -> String {
        MIMETypes.system.type(ofFile: "file." + end, overrides: rules.types, default: rules.defaultType)
    }
}

/// Thrown to have the request answered as if it had been a GET for this path, maybe with a query. A request can be sent
/// on ten times.
public struct RestartRequest: Error, Sendable {
    public let path: String
    /// The method and the body stay: a rewrite.
    let keepsRequest: Bool

    public init(path: String) { self.init(path: path, keepsRequest: false) }

    init(path: String, keepsRequest: Bool) {
        self.path = path
        self.keepsRequest = keepsRequest
    }
}
