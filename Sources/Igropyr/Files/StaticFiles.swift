internal import IgropyrText
internal import IgropyrUV

/// The files of a folder, for handlers that choose among them; ``RouteBuilder/files(_:from:_:)`` goes by the path.
///
/// ```swift
/// let invoices = try StaticFiles("/srv/invoices")
/// app.get("/invoices/:number") { request in
///     try invoices.response("\(request.parameters["number"] ?? "").pdf", to: request)  // Nil is 404.
/// }
/// ```
public struct StaticFiles: Sendable {
    private let folder: LoopLocal<StaticFolder>
    private let servesDotfiles: Bool

    /// - Throws: if the folder cannot be opened, or a setting means nothing.
    public init(_ path: String, _ serving: FileServing = FileServing()) throws {
        try serving.check()
        do throws(UVError) {
            let opened = try Folder(path, symlinks: serving.symlinks)
            folder = LoopLocal { StaticFolder(opened, serving) }
        } catch {
            throw FolderUnusable(path: path, reason: error.reason)
        }
        servesDotfiles = serving.servesDotfiles
    }

    /// The file at `path` beneath the folder, as far as the request wants it: conditions, ranges and codings are
    /// answered, the media type is that of the name. Nil if there is none, or its name is none that is served. The path
    /// may be a client's: nothing outside of the folder is reached.
    public func response(_ path: String, to request: Request) throws -> Response? {
        guard let path = FilePath(path.pathNames, servesDotfiles: servesDotfiles), !path.endsWithSlash else {
            return nil
        }
        return try here(request).file(path.text, for: request)
    }

    /// By what `**` of the route's pattern stands for.
    func response(to request: Request) throws -> Response { try here(request).response(to: request) }

    /// The same with folders listed.
    func response(listingFor request: Request) async throws -> Response {
        try await here(request).response(listingFor: request)
    }

    private func here(_ request: Request) throws -> StaticFolder {
        guard let loop = request.loop else { throw CancellationError() }  // Nobody is left to read the answer.
        return folder.value(on: loop)
    }
}
