internal import HTTPTypes
internal import IgropyrHTTP
internal import IgropyrTime
package import IgropyrUV

/// Answers requests with the files of a folder; for one loop.
package final class StaticFolder {
    private let folder: Folder
    private let serving: FileServing
    private let shelf: FileShelf

    /// Several of one folder, with settings of their own, may share a cache.
    package init(_ folder: Folder, _ serving: FileServing, sharing cache: FileCache? = nil) {
        self.folder = folder
        self.serving = serving
        shelf = FileShelf(folder, serving, cache ?? FileCache(serving.cache))
    }

    /// By what `**` of the route's pattern stands for.
    func response(to request: Request) throws -> Response {
        guard let loop = request.loop else { throw CancellationError() }  // Nobody is left to read the answer.
        guard let path = try FilePath(request, servesDotfiles: serving.servesDotfiles) else {
            throw HTTPFailure(.notFound)
        }
        return try Self.withoutExhaustion { try answer(request, path, loop) ?? HTTPFailure(.notFound).response }
    }

    /// The file at a path beneath the folder; nil if there is none.
    package func file(_ path: String, for request: Request) throws -> Response? {
        guard let loop = request.loop else { throw CancellationError() }
        return try Self.withoutExhaustion {
            guard case .file(let found) = try shelf.find(path, now: loop.now) else { return nil }
            return try FileAnswer(request, found, shelf, loop).response()
        }
    }

    /// The listing of the folder at a path; nil if there is none, or folders are not listed.
    package func listing(
        _ path: String, for request: Request, hides isHidden: (String) -> Bool = { _ in false }
    ) throws -> Response? {
        guard let listing = serving.listing, let contents = try contents(path, listing, isHidden) else { return nil }
        return try FolderPage(contents, listing).response(to: request)
    }

    /// No descriptor or memory is left: our trouble, which passes.
    private static func withoutExhaustion<Answer>(_ body: () throws -> Answer) throws -> Answer {
        do {
            return try body()
        } catch let error as UVError where exhaustions.contains(error.code) {
            throw HTTPFailure(.serviceUnavailable, fields: [.retryAfter: "1"])
        }
    }

    private static let exhaustions = [
        UVError.tooManyOpenFiles, UVError.tooManyOpenFilesInSystem, UVError.outOfMemory,
    ]

    /// Nil if nothing is there.
    private func answer(_ request: Request, _ path: FilePath, _ loop: EventLoop) throws -> Response? {
        guard path.endsWithSlash else {
            switch try shelf.find(path.text, now: loop.now) {
            case .file(let found): return try FileAnswer(request, found, shelf, loop).response()
            case .folder: return Redirect(to: Self.withSlash(request), status: .permanentRedirect).response
            case .nothing: return nil
            }
        }
        for name in serving.indexNames {
            guard case .file(let found) = try shelf.find(path.appending(name), now: loop.now) else { continue }
            return try FileAnswer(request, found, shelf, loop).response()
        }
        guard let listing = serving.listing, let contents = try contents(path.text, listing) else { return nil }
        return try FolderPage(contents, listing).response(to: request)
    }

    private static func withSlash(_ request: Request) -> String {
        let query = request.target.split(separator: "?", maxSplits: 1).dropFirst().first
        return request.path + "/" + (query.map { "?" + $0 } ?? "")
    }

    private func contents(
        _ path: String, _ listing: FolderListing, _ isHidden: (String) -> Bool = { _ in false }
    ) throws(UVError) -> FolderContents? {
        var found: Folder.Listing
        do throws(UVError) {
            found = try folder.list(beneath: path, limit: listing.itemLimit)
        } catch {
            guard error.isAbsence else { throw error }
            return nil
        }
        let showsDotfiles = serving.servesDotfiles && listing.showsDotfiles ?? true
        found.items.removeAll { !FilePath.isServed($0.name, showsDotfiles) || isHidden($0.name) }
        return FolderContents(found, path: path)
    }
}
