public import Igropyr

/// What a program does in place of what a site does otherwise. Each may answer, or return nil to leave it to the site.
public struct SiteEvents: Sendable {
    public typealias Handler = @Sendable (FileRequest) async throws -> Response?

    /// For a folder without an index; otherwise its listing, or 403.
    public var directory: Handler?
    /// For a file; otherwise what ``FolderRules/handlers`` say, or the file itself.
    public var file: Handler?
    /// For what is not there; ``FileRequest/file`` is the path that was asked for. Otherwise 404.
    public var notFound: Handler?
    /// For what was thrown; otherwise it goes to the error log and the client is told 500.
    public var exception: (@Sendable (any Error, FileRequest) async throws -> Response?)?
    /// The line of the access log, in place of the log's format; nil for no line. It must not block.
    public var accessLogLine: (@Sendable (RequestSummary) -> String?)?

    public init() {}
}
