internal import HTTPTypes
internal import IgropyrHTTP
internal import IgropyrTime
internal import IgropyrUV

/// Answers requests with the files of a folder.
struct StaticFolder: Sendable {
    let folder: Folder
    let serving: FileServing
    private let shelves: LoopLocal<FileShelf>

    init(_ folder: Folder, _ serving: FileServing) {
        self.folder = folder
        self.serving = serving
        shelves = LoopLocal { FileShelf(folder, serving) }
    }

    func response(to request: Request) throws -> Response {
        guard let loop = request.loop else { throw CancellationError() }  // Nobody is left to read the answer.
        guard let path = try FilePath(request, servesDotfiles: serving.servesDotfiles) else {
            throw HTTPFailure(.notFound)
        }
        do throws(UVError) {
            let response = try answer(request, path, shelves.value(on: loop), loop)
            return response ?? HTTPFailure(.notFound).response
        } catch {
            guard Self.exhaustions.contains(error.code) else { throw error }
            // No descriptor or memory is left: our trouble, which passes.
            return HTTPFailure(.serviceUnavailable).response.with(.retryAfter, "1")
        }
    }

    private static let exhaustions = [
        UVError.tooManyOpenFiles, UVError.tooManyOpenFilesInSystem, UVError.outOfMemory,
    ]

    /// Nil if nothing is there.
    private func answer(
        _ request: Request, _ path: FilePath, _ shelf: FileShelf, _ loop: EventLoop
    ) throws(UVError) -> Response? {
        guard path.endsWithSlash else {
            switch try shelf.find(path.text, now: loop.now) {
            case .file(let found): return try FileAnswer(request, found, shelf, loop).response()
            case .folder: return Redirect(to: Self.withSlash(request), status: .permanentRedirect).makeResponse()
            case .nothing: return nil
            }
        }
        for name in serving.indexNames {
            guard case .file(let found) = try shelf.find(path.appending(name), now: loop.now) else { continue }
            return try FileAnswer(request, found, shelf, loop).response()
        }
        guard let listing = serving.listing else { return nil }
        return try list(path, listing, for: request)
    }

    private static func withSlash(_ request: Request) -> String {
        let query = request.target.split(separator: "?", maxSplits: 1).dropFirst().first
        return request.path + "/" + (query.map { "?" + $0 } ?? "")
    }

    private func list(_ path: FilePath, _ listing: FolderListing, for request: Request) throws(UVError) -> Response? {
        var found: Folder.Listing
        do throws(UVError) {
            found = try folder.list(beneath: path.text, limit: listing.itemLimit)
        } catch {
            guard FileShelf.isAbsence(error) else { throw error }
            return nil
        }
        found.items.removeAll { !FilePath.isServed($0.name, serving.servesDotfiles) }
        return FolderPage(found, path: path.text, hasParent: !path.text.isEmpty).response(to: request)
    }
}
