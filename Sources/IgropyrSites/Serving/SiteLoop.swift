internal import HTTPTypes
internal import Igropyr
internal import IgropyrHTTP
internal import IgropyrText
internal import IgropyrUV
internal import Logging

/// A site on one loop: finds what a request is for, and who answers it.
final class SiteLoop {
    /// How often one request is sent on, by rewrites and programs.
    private static let limitRestarts = 10
    /// Programs whose connections are kept apart, unless more are in use: access files may name ever new ones.
    private static let limitPools = 64

    let loop: EventLoop
    private(set) var parts: SiteParts
    private let latest: LatestParts
    /// Of ``parts``.
    private var number: Int
    private let gatekeeper: Gatekeeper
    let programs: CGIPrograms
    let interpreters: InterpreterPool
    let templates = MustachePages()
    private let namedFiles = NamedFiles()
    private var folders: [ObjectIdentifier: HostFolders] = [:]
    private(set) var pools: [GatewaySettings: GatewayPool] = [:]
    /// Most requests are for the same one as the last.
    @safe @exclusivity(unchecked)  // As in ``GatewayPool``.
    private var lastPool: GatewayPool?

    init(_ latest: LatestParts, _ loop: EventLoop, loops: Int) {
        number = latest.number  // Before the parts: at worst they are taken again.
        let parts = latest.parts
        self.latest = latest
        self.parts = parts
        self.loop = loop
        gatekeeper = Gatekeeper(passwords: PasswordChecks(loop))
        programs = CGIPrograms(loop, limit: (parts.site.processes + loops - 1) / loops)
        interpreters = InterpreterPool(loop, parts.site, loops: loops)
    }

    /// No request will come any more.
    func close() {
        programs.close()
        interpreters.close()
        for pool in pools.values { pool.close() }
        pools = [:]
        lastPool = nil
    }

    var schemeSettings: SchemeSettings { parts.site.scheme }
    var showsErrors: Bool { parts.site.isDevelopment }

    func pool(_ settings: GatewaySettings) throws(UVError) -> GatewayPool {
        if let lastPool, lastPool.settings == settings { return lastPool }
        let pool = if let known = pools[settings] { known } else { try addPool(settings) }
        lastPool = pool
        return pool
    }

    private func addPool(_ settings: GatewaySettings) throws(UVError) -> GatewayPool {
        if pools.count >= Self.limitPools { closeUnusedPools() }
        let pool = try GatewayPool(loop, settings)
        pools[settings] = pool
        return pool
    }

    /// Those that are needed again are made again.
    private func closeUnusedPools() {
        lastPool = nil
        for (settings, pool) in pools where pool.isUnused {
            pool.close()
            pools[settings] = nil
        }
    }

    // MARK: Requests

    func respond(to request: Request) async throws -> Response {
        if number != latest.number { takeLatest() }
        let inquiry = inquiry(request)
        do {
            return finished(try await answer(inquiry), inquiry)
        } catch {
            return finished(try await failure(error, inquiry), inquiry)
        }
    }

    @inline(never)
    private func takeLatest() {
        number = latest.number
        parts = latest.parts
        folders = [:]
        closeUnusedPools()
    }

    /// Apart, as others here are, so that a task's frames, which are on the heap, stay small.
    @inline(never)
    private func inquiry(_ request: Request) -> Inquiry {
        let name = Self.hostName(of: request)
        let host = parts.host(named: name)
        request.accessLogName = parts.accessLogName(of: host)
        return Inquiry(
            request, hostName: name, host, folders(of: host),
            client: request.clientAddress(trusting: parts.site.trustedProxies), serverName: parts.site.serverName,
            on: loop)
    }

    private func answer(_ inquiry: Inquiry) async throws -> Response {
        var path = try SitePath(inquiry.request)
        for _ in 0...Self.limitRestarts {
            do {
                return try await answer(inquiry, path)
            } catch let restart as RestartRequest {
                path = try SitePath(restart, isRestarted: path.isRestarted)
            }
        }
        throw tooManyRestarts(inquiry)
    }

    @inline(never)
    private func tooManyRestarts(_ inquiry: Inquiry) -> HTTPFailure {
        inquiry.host.log.error("a request was sent on without end", metadata: ["path": "\(inquiry.request.path)"])
        return HTTPFailure(.internalServerError)
    }

    /// In lower case, without the port and the dot that ends a name in full; nil if the client named none.
    private static func hostName(of request: Request) -> String? {
        guard let authority = request.authority, !authority.isEmpty else { return nil }
        let bytes = authority.utf8.span
        guard bytes[0] == UInt8(ascii: "[") else {
            var end = bytes.indices.first { bytes[$0] == UInt8(ascii: ":") } ?? bytes.count
            if end > 1, bytes[end - 1] == UInt8(ascii: ".") { end -= 1 }
            return unsafe bytes.bytes.extracting(0..<end).lowerCaseText
        }
        let end = bytes.indices.first { bytes[$0] == UInt8(ascii: "]") }
        return end.map { unsafe bytes.bytes.extracting(0...$0).lowerCaseText }
    }

    private func folders(of host: OpenHost) -> HostFolders {
        let key = ObjectIdentifier(host)
        let known = folders[key]
        let now = loop.now
        let current = known?.current(now: now) ?? HostFolders(host, host.root, now: now)
        if current !== known { folders[key] = current }
        return current
    }

    private func answer(_ inquiry: Inquiry, _ path: SitePath) async throws -> Response {
        guard let filePath = path.path else { throw HTTPFailure(.notFound) }
        inquiry.file = filePath.text
        let found = try FoundPath(filePath, in: inquiry.root.folder)
        let scope = try inquiry.folders.scope(of: filePath.text, folders: found.folders, asked: inquiry.askedPath)
        inquiry.scope = scope
        guard scope.rules.networks.admit(inquiry.client) else { throw HTTPFailure(.forbidden) }
        if let limit = scope.rules.rateLimit { try inquiry.count(by: limit) }
        try scope.rules.refusals.check(filePath.text + (filePath.endsWithSlash ? "/" : ""))
        (inquiry.user, inquiry.scheme) = (nil, nil)
        if let authentication = scope.rules.authentication { try await admit(inquiry, by: authentication) }
        if let response = try redirect(filePath, path, scope) { return response }
        guard scope.rules.servesDotfiles || !filePath.hasDotfile, !inquiry.root.hides(filePath.text) else {
            return try await notFound(FileRequest(inquiry, path, file: filePath.text, pathInfo: [], scope))
        }
        if let program = parts.site.program, !(program.servesFiles && found.isFile) {
            return try await show(FileRequest(inquiry, path, file: filePath.text, pathInfo: [], scope), by: program)
        }
        switch found.kind {
        case .file(let file, let pathInfo):
            return try await serveFile(FileRequest(inquiry, path, file: file, pathInfo: pathInfo, scope), inquiry.root)
        case .folder: return try await folder(inquiry, path, filePath, scope)
        case .nothing: return try await notFound(FileRequest(inquiry, path, file: filePath.text, pathInfo: [], scope))
        }
    }

    private func admit(_ inquiry: Inquiry, by authentication: SiteAuthentication) async throws {
        let user = try await gatekeeper.admit(inquiry.request, by: authentication)
        inquiry.request[AuthenticatedNameKey.self] = user
        inquiry.user = user
        inquiry.scheme = if case .basic = authentication { "Basic" } else { "Bearer" }
    }

    /// - Throws: ``RestartRequest`` for a rewrite.
    private func redirect(_ filePath: FilePath, _ path: SitePath, _ scope: FolderScope) throws -> Response? {
        guard !scope.rules.redirects.isEmpty || !scope.rules.rewrites.isEmpty else { return nil }
        let text = filePath.text + (filePath.endsWithSlash && !filePath.text.isEmpty ? "/" : "")
        let names = text.pathNames
        for rule in scope.rules.redirects {
            guard let target = rule.destination(of: names, query: path.query) else { continue }
            return Redirect(to: target, status: rule.status).response
        }
        for rule in scope.rules.rewrites {
            guard let target = rule.destination(of: names, query: path.query) else { continue }
            let own = "/" + names.map(PercentEncoding.encode).joined(separator: "/")
            guard target != own + (path.query.map { "?" + $0 } ?? "") else { break }  // Kept from those behind.
            throw RestartRequest(path: target, keepsRequest: true)
        }
        return nil
    }

    // MARK: What is there

    private func serveFile(_ call: FileRequest, _ root: OpenRoot) async throws -> Response {
        if !call.pathInfo.isEmpty {
            guard call.rules.allowsPathInfo, !root.hides(call.file) else { return try await notFound(call) }
        }
        try call.rules.refusals.check(call.file)  // Behind whose name a path may go on, or which stands for its folder.
        let response: Response
        // What most need comes first and by itself, since each call that may be awaited makes the frame larger.
        if parts.site.events.file == nil, let pool = try responders(for: call) {
            response = try await askFastCGI(call, pool)
        } else {
            response = try await serveFileByRules(call)
        }
        return call.rules.sentFolders.isEmpty ? response : try namedFiles.answer(response, call)
    }

    /// The connections to those that FastCGI is spoken with for the file; nil if another answers for it.
    @inline(never)
    private func responders(for call: FileRequest) throws(UVError) -> GatewayPool? {
        guard case .fastCGI(let settings)? = call.rules.handlers[call.file.fileEnd] else { return nil }
        return try pool(settings)
    }

    @inline(never)
    private func serveFileByRules(_ call: FileRequest) async throws -> Response {
        if let file = parts.site.events.file, let response = try await file(call) { return response }
        switch call.rules.handlers[call.file.fileEnd] {
        case .cgi(let settings): return try await run(call, settings)
        case .fastCGI(let settings): return try await askFastCGI(call, try pool(settings))
        case .scgi(let settings): return try await askSCGI(call, settings)
        case .schemePage(let tags): return try await show(call, .page(tags))
        case .schemeValue: return try await show(call, .value)
        case .mustache: return try await showTemplate(call)
        case .custom(let respond): return try await respond(call)
        case .file, nil: return try await plainFile(call)
        }
    }

    private func plainFile(_ call: FileRequest) async throws -> Response {
        guard call.pathInfo.isEmpty, call.rules.sendsAsItIs(call.file) else { return try await notFound(call) }
        if let response = try answerMethod(call) { return response }
        guard let response = try call.files.file(call.file, for: call.request) else { return try await notFound(call) }
        call.hasChosenCoding()
        return response
    }

    /// For what GET and HEAD alone are for, or POST, too; nil for these.
    func answerMethod(_ call: FileRequest, takesForms: Bool = false) throws -> Response? {
        let allowed = takesForms ? "GET, HEAD, OPTIONS, POST" : "GET, HEAD, OPTIONS"
        switch call.method {
        case "GET", "HEAD": return nil
        case "POST" where takesForms: return nil
        case "OPTIONS": return Response(.noContent).with(.allow, allowed)
        default: throw HTTPFailure(.methodNotAllowed, fields: [.allow: allowed])
        }
    }

    private func folder(
        _ inquiry: Inquiry, _ path: SitePath, _ filePath: FilePath, _ scope: FolderScope
    ) async throws -> Response {
        guard filePath.endsWithSlash || filePath.text.isEmpty else {
            let names = filePath.text.pathNames.map(PercentEncoding.encode)
            let query = path.query.map { "?" + $0 } ?? ""
            return Redirect(to: "/\(names.joined(separator: "/"))/\(query)", status: .permanentRedirect).response
        }
        for name in scope.rules.indexFiles {
            let file = filePath.appending(name)
            guard !inquiry.root.hides(file), try FoundPath.kind(of: file, in: inquiry.root.folder) == .file else {
                continue
            }
            return try await serveFile(FileRequest(inquiry, path, file: file, pathInfo: [], scope), inquiry.root)
        }
        let call = FileRequest(inquiry, path, file: filePath.text, pathInfo: [], scope)
        if let response = try await parts.site.events.directory?(call) { return response }
        guard scope.rules.listing != nil else {
            if let name = scope.rules.indexFiles.first { logObstacle(at: filePath.appending(name), call) }
            throw HTTPFailure(.forbidden)
        }
        if let response = try answerMethod(call) { return response }
        let root = inquiry.root
        let listing = try await scope.files.listing(filePath.text, for: inquiry.request) { name in
            root.hides(filePath.appending(name))
        }
        guard let listing else { return try await notFound(call) }
        return listing
    }

    private func notFound(_ call: FileRequest) async throws -> Response {
        if let response = try await parts.site.events.notFound?(call) { return response }
        logObstacle(at: call.file, call)
        guard let fallback = call.rules.fallback else { throw HTTPFailure(.notFound) }
        guard !call.pathInfo.isEmpty || fallback.dropFirst() != call.file else {
            call.log.error("the fallback is not there", metadata: ["path": "\(fallback)"])
            throw HTTPFailure(.notFound)
        }
        call.keepAskedPath()
        let path = fallback.pathNames.filter { !$0.isEmpty }.map { "/" + PercentEncoding.encode($0) }.joined()
        throw RestartRequest(path: path + (call.query.map { "?" + $0 } ?? ""), keepsRequest: true)
    }

    /// With the fields that the rules give it and, if it was made for the request, in the coding that the client takes.
    @inline(never)
    private func finished(_ response: Response, _ inquiry: Inquiry) -> Response {
        guard let scope = inquiry.scope else { return response }
        var response = response
        for (name, value) in scope.rules.fields {
            if name == .contentType { response.contentType = value } else { response.fields[name] = value }
        }
        guard !inquiry.hasChosenCoding, scope.rules.compresses else { return response }
        return parts.compression.apply(to: response, for: inquiry.request)
    }
}
