internal import FoundationEssentials
internal import IgropyrUV

/// What is remembered of one visitor from request to request; belongs to the request's loop.
///
/// Changes count until the response has been returned, not while its body is streamed. Of two requests at the same time
/// the one that is answered last has the last word on all values.
public final class Session {
    /// What becomes of it at the end of the request.
    enum Fate: Equatable {
        case kept
        /// Under a new token; the old one is worth nothing any more.
        case renewed
        case ended
    }

    private(set) var record: SessionRecord
    private(set) var hasChanged = false
    private(set) var fate = Fate.kept

    init(_ record: SessionRecord) { self.record = record }

    /// Whether nothing is remembered; such a session is not kept, and its visitor gets no cookie.
    public var isEmpty: Bool { record.values.isEmpty }

    public subscript(name: String) -> String? {
        get { record.values[name] }
        set {
            guard record.values[name] != newValue else { return }
            record.values[name] = newValue
            hasChanged = true
        }
    }

    /// A value that was set by ``set(_:for:)``; nil if there is none.
    /// - Throws: `DecodingError` if it is of another type, as after a new version of the application.
    public func value<Value: Decodable>(_ type: Value.Type = Value.self, for name: String) throws -> Value? {
        guard let text = self[name] else { return nil }
        return try JSONDecoder().decode(type, from: Data(text.utf8))
    }

    /// - Throws: `EncodingError`.
    public func set(_ value: some Encodable, for name: String) throws {
        self[name] = String(decoding: try JSONEncoder().encode(value), as: UTF8.self)
    }

    /// Goes on under a new token. Call it when a visitor logs in or gets further rights: whoever knew the old token, or
    /// planted it, does not get them, too (session fixation).
    public func renew() { if fate == .kept { fate = .renewed } }

    /// Forgets everything, here and, by the removal of the cookie, in the browser.
    public func end() {
        fate = .ended
        record.values = [:]
    }
}

/// A session as it is stored.
public struct SessionRecord: Sendable, Codable, Equatable {
    public var values: [String: String] = [:]
    /// When it began and when it was last used, in seconds since 1970.
    public var began: Int64
    public var used: Int64
    /// The cookie that brings its token. Under another it is not known, whatever the store: of an application's several
    /// cookies a visitor may not put the one's token into the other.
    public let cookieName: String

    public init(began: Int64, cookieName: String) {
        (self.began, used) = (began, began)
        self.cookieName = cookieName
    }
}

enum SessionKey: RequestKey { typealias Value = Session }

extension Request {
    /// What is remembered of this visitor. Where no ``Sessions`` are used around the route it is nothing, and what is
    /// kept in it is forgotten with the request; the log says so for the first such request.
    public var session: Session {
        if let session = self[SessionKey.self] { return session }
        if !app.hasToldOfSessions.exchange(true, ordering: .relaxed) {
            logger.error("a session is forgotten with its request: app.use(Sessions(…)) around the route is missing")
        }
        let session = Session(SessionRecord(began: EventLoop.secondsSince1970, cookieName: ""))
        self[SessionKey.self] = session
        return session
    }
}
