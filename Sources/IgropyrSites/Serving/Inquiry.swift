internal import Igropyr
internal import IgropyrUV

/// A request on its way to whoever answers it; stays on its loop.
final class Inquiry {
    let request: Request
    let hostName: String
    let host: OpenHost
    let folders: HostFolders
    let client: SocketAddress?
    let serverName: String?
    let loop: EventLoop
    /// What governs it; nil while that is not known.
    var scope: FolderScope?
    /// The path beneath the root that was asked for, once a fallback answers, which does so for all paths.
    var askedPath: String?
    /// Who was let in, and by which scheme of authentication; nil if nobody had to be.
    var user: String?
    var scheme: String?
    /// The answer is a file, in the one of its codings that the client takes.
    var hasChosenCoding = false
    /// The path beneath the root that was asked for last.
    var file = ""

    /// By which limit it was counted last: once, however often it is sent on.
    private var rateLimit: RateLimit?

    init(
        _ request: Request, hostName: String?, _ host: OpenHost, _ folders: HostFolders, client: SocketAddress?,
        serverName: String?, on loop: EventLoop
    ) {
        self.request = request
        self.hostName = hostName ?? request.localAddress?.hostText ?? ""
        self.host = host
        self.folders = folders
        self.client = client
        self.serverName = serverName
        self.loop = loop
    }

    var root: OpenRoot { folders.root }

    /// - Throws: ``HTTPFailure`` 429.
    func count(by limit: RateLimit) throws {
        if let rateLimit, rateLimit.isSame(as: limit) { return }
        rateLimit = limit
        try limit.count(client, at: loop.now)
    }
}
