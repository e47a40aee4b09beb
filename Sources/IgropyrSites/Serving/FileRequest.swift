public import Igropyr
public import IgropyrUV
public import Logging

/// A request for a file of a site, once it is known which; stays on its loop.
public struct FileRequest {
    public let request: Request
    /// The method, which is GET once a program has sent the request on.
    public let method: String
    /// The host that the client asked for, in lower case and without the port; the server's address if it named none.
    public let hostName: String
    /// The root's whole path, without a slash at its end.
    public let root: String
    /// Beneath the root, without a slash before it: a file's path, a folder's, or what was asked for and is not there.
    public let file: String
    /// The names behind the file's, decoded.
    public let pathInfo: [String]
    /// As it was sent.
    public let query: String?
    /// Who asks, as trusted proxies say it.
    public let remoteAddress: SocketAddress?
    /// The name by which the client was let in.
    public let user: String?
    public var rules: FolderRules { scope.rules }
    /// Errors go to the host's error log, messages of level debug to its debug log.
    public let log: Logger

    let authenticationScheme: String?
    let serverName: String?
    let isRestarted: Bool
    let loop: EventLoop
    let scope: FolderScope
    let folder: Folder

    var files: StaticFolder { scope.files }

    /// A file beneath the root, as it is.
    /// - Throws: ``HTTPFailure`` 404 if there is none.
    public func sendFile(_ path: String) throws -> Response {
        guard let path = FilePath(path.split(separator: "/").map(String.init), servesDotfiles: rules.servesDotfiles),
            let response = try files.file(path.text, for: request)
        else { throw HTTPFailure(.notFound) }
        return response
    }

    /// The media type that files with this end get.
    public func mediaType(ofEnd end: String) -> String {
        MIMETypes.system.type(ofFile: "file." + end, overrides: rules.types, default: rules.defaultType)
    }
}

/// Thrown to have the request answered as if it had been a GET for this path, maybe with a query. A request can be sent on ten
/// times.
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
