internal import HTTPTypes
internal import IgropyrUV

/// Remembers visitors by a cookie: handlers find what they keep in ``Request/session``.
///
/// A visitor of whom nothing is remembered gets no cookie. A token that a browser brings and that the store does not
/// know is never taken over: a new session gets a new token.
///
/// Where the store fails, so does the request, since its visitor would be another, or what he did forgotten; but not
/// for a note that a session was used, nor for the removal of one that is over.
public struct Sessions: AsyncMiddleware {
    /// The cookie's name. One that begins with `__Host-` makes browsers insist on https, `path` "/" and no `domain`.
    public var cookieName = "session"
    /// After so long without a request the session is over.
    public var idleTimeout = Duration.seconds(30 * 60)
    /// After so long it is over in any case.
    public var lifetime = Duration.seconds(24 * 3600)
    public var path = "/"
    /// Nil for the very host of the request; else that name and all below it.
    public var domain: String?
    /// Whether browsers send the cookie by https only. Nil: if the request came by it, here or at a proxy that says so
    /// in `X-Forwarded-Proto`.
    public var isSecure: Bool?
    /// Whether it goes along with requests that other sites' pages cause; `lax`, the default, keeps it from their
    /// forms.
    public var sameSite = Cookie.SameSite.lax

    private let store: any SessionStore
    private let now: @Sendable () -> Int64

    public init(_ store: some SessionStore) { self.init(store, now: { EventLoop.secondsSince1970 }) }

    init(_ store: some SessionStore, now: @escaping @Sendable () -> Int64) {
        self.store = store
        self.now = now
    }

    public func respond(to request: Request, next: (Request) async -> Response) async throws -> Response {
        let token = request.cookies[cookieName]
        let known = try await known(token, request)
        let session = Session(known ?? SessionRecord(began: now(), cookieName: cookieName))
        request[SessionKey.self] = session
        var response = await next(request)
        if session.fate == .ended || session.isEmpty {
            if known != nil, let token { try await store.remove(token) }
            if token != nil { try setCookie(&response, request, value: "", age: .zero) }
        } else if let fresh = try await kept(session, known == nil ? nil : token, request) {
            try setCookie(&response, request, value: fresh, age: remaining(session.record))
        }
        return response
    }

    private func known(_ token: String?, _ request: Request) async throws -> SessionRecord? {
        guard let token, token.utf8.count <= 4096, let record = try await store.load(token),
            record.cookieName == cookieName
        else { return nil }
        guard age(since: record.used) < idleTimeout, age(since: record.began) < lifetime else {
            await noting(request) { try await store.remove(token) }
            return nil
        }
        return record
    }

    /// - Returns: the token that the browser is to have from now on; nil if all stays as it was.
    private func kept(_ session: Session, _ token: String?, _ request: Request) async throws -> String? {
        var record = session.record
        // That it was used is noted now and then, so that mere reading mostly stores nothing.
        let isDue = age(since: record.used) >= max(.seconds(1), idleTimeout / 10)
        let isNews = token == nil || session.hasChanged || session.fate == .renewed
        guard isNews || isDue else { return nil }
        record.used = now()
        guard isNews else {
            return await noting(request) { [record] in try await store.save(record, as: token) }
        }
        guard session.fate == .renewed, let token else { return try await store.save(record, as: token) }
        let fresh = try await store.save(record, as: nil)  // First: where there is no room, the old one stays.
        try await store.remove(token)
        return fresh
    }

    /// What may fail without harm to the request.
    private func noting<Result>(_ request: Request, _ work: () async throws -> Result) async -> Result? {
        do { return try await work() } catch {
            guard !Task.isCancelled else { return nil }
            request.logger.error("what became of a session is not stored", metadata: ["reason": "\(error)"])
            return nil
        }
    }

    private func remaining(_ record: SessionRecord) -> Duration {
        min(idleTimeout, lifetime - age(since: record.began))
    }

    /// A `Duration` holds the difference of any two such times, and a time-out that is meant to be endless.
    private func age(since time: Int64) -> Duration { .seconds(now()) - .seconds(time) }

    private func setCookie(_ response: inout Response, _ request: Request, value: String, age: Duration) throws {
        var cookie = try Cookie(cookieName, value)
        (cookie.path, cookie.domain, cookie.sameSite) = (path, domain, sameSite)
        cookie.isSecure = isSecure ?? (request.isEncrypted || request.header("X-Forwarded-Proto") == "https")
        cookie.maximumAge = age
        try response.setCookie(cookie)
        // A cache that many share must not hand out the cookie.
        if response.fields[.cacheControl] == nil { response.fields[.cacheControl] = "private" }
    }
}

/// Where sessions are kept; for any thread.
public protocol SessionStore: Sendable {
    /// Nil if it has none under that token, which may be anything at all.
    func load(_ token: String) async throws -> SessionRecord?

    /// Keeps the record in place of the one under `token`; nil for a new one.
    /// - Returns: the token that finds it from now on: not to be guessed, and fit for a cookie's value.
    func save(_ record: SessionRecord, as token: String?) async throws -> String

    /// Forgets it, if there is one.
    func remove(_ token: String) async throws
}
