internal import HTTPTypes
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

    /// By what `**` of the route's pattern stands for; folders are not listed.
    func response(to request: Request) throws -> Response { try answer(request).response }

    /// The same with folders listed, if so wanted.
    func response(listingFor request: Request) async throws -> Response {
        let answer = try answer(request)
        guard let folder = answer.bareFolder else { return answer.response }
        return try await listing(folder, for: request) ?? answer.response
    }

    /// The file at a path beneath the folder; nil if there is none.
    package func file(_ path: String, for request: Request) throws -> Response? {
        guard let loop = request.loop else { throw CancellationError() }
        return try Self.withoutExhaustion {
            guard case .file(let found) = try shelf.find(path, now: loop.now) else { return nil }
            return try FileAnswer(request, found, shelf, loop).response()
        }
    }

    /// The listing of the folder at a path, read and made on a thread of the pool; nil if there is none, or folders are
    /// not listed.
    /// - Throws: ``HTTPFailure`` 503 when too many wait for theirs.
    package func listing(
        _ path: String, for request: Request, hides isHidden: @escaping @Sendable (String) -> Bool = { _ in false }
    ) async throws -> Response? {
        guard let loop = request.loop else { throw CancellationError() }
        guard let listing = serving.listing else { return nil }
        let (folder, page) = (folder, FolderPage(listing, for: request))
        let showsDotfiles = serving.servesDotfiles && listing.showsDotfiles ?? true
        let body = try await loop.offloadLong { () throws -> [UInt8]? in
            let found = try Self.withoutExhaustion { try Self.list(folder, path, limit: listing.itemLimit) }
            guard var found else { return nil }
            found.items.removeAll { !FilePath.isServed($0.name, showsDotfiles) || isHidden($0.name) }
            return try page.body(FolderContents(found, path: path))
        }
        return body.map { page.response($0) }
    }

    private static func list(_ folder: Folder, _ path: String, limit: Int) throws(UVError) -> Folder.Listing? {
        do throws(UVError) {
            return try folder.list(beneath: path, limit: limit)
        } catch {
            guard error.isAbsence else { throw error }
            return nil
        }
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

    /// What a request gets, and the path of the folder without an index that it is for, if it is for one.
    private typealias Answer = (response: Response, bareFolder: String?)

    private func answer(_ request: Request) throws -> Answer {
        guard let loop = request.loop else { throw CancellationError() }  // Nobody is left to read the answer.
        guard let path = try FilePath(request, servesDotfiles: serving.servesDotfiles) else {
            return (try nothing(request), nil)
        }
        return try Self.withoutExhaustion { try answer(request, path, loop) }
    }

    private func answer(_ request: Request, _ path: FilePath, _ loop: EventLoop) throws -> Answer {
        guard path.endsWithSlash else {
            switch try shelf.find(path.text, now: loop.now) {
            case .file(let found): return (try FileAnswer(request, found, shelf, loop).response(), nil)
            case .folder: return (Redirect(to: Self.withSlash(request), status: .permanentRedirect).response, nil)
            case .nothing: return (try nothing(request), nil)
            }
        }
        for name in serving.indexNames {
            guard case .file(let found) = try shelf.find(path.appending(name), now: loop.now) else { continue }
            return (try FileAnswer(request, found, shelf, loop).response(), nil)
        }
        guard case .folder = try shelf.find(path.text, now: loop.now) else { return (try nothing(request), nil) }
        return (HTTPFailure(.notFound).response, path.text)
    }

    /// The fallback's file, or 404.
    private func nothing(_ request: Request) throws -> Response {
        guard let fallback = serving.fallback, let response = try file(String(fallback.dropFirst()), for: request)
        else {
            return HTTPFailure(.notFound).response
        }
        return response
    }

    private static func withSlash(_ request: Request) -> String {
        let query = request.target.split(separator: "?", maxSplits: 1).dropFirst().first
        return request.path + "/" + (query.map { "?" + $0 } ?? "")
    }
}
