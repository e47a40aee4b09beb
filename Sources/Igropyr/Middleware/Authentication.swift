internal import FoundationEssentials
internal import HTTPTypes

/// Lets in whoever gives a right name and password by HTTP's Basic scheme (RFC 7617); others are told 401. The handler
/// finds who it was under `Key`, and the name in ``Request/authenticatedName``. The password goes over the wire as it
/// is: use TLS.
public struct BasicAuthentication<Key: RequestKey>: AsyncMiddleware {
    private let realm: String
    private let verify: @Sendable (_ name: String, _ password: String) async throws -> Key.Value?

    /// `verify` should take as long for a wrong name as for a wrong password: compare secrets by
    /// ``constantTimeEquals(_:_:)``.
    public init(
        _ key: Key.Type, realm: String = "this site",
        verify: @escaping @Sendable (_ name: String, _ password: String) async throws -> Key.Value?
    ) {
        self.realm = realm
        self.verify = verify
    }

    public func respond(to request: Request, next: (Request) async -> Response) async throws -> Response {
        guard let (name, password) = request.basicCredentials, let value = try await verify(name, password) else {
            throw HTTPFailure(
                .unauthorized, fields: [.wwwAuthenticate: "Basic realm=\"\(realm.quoted)\", charset=\"UTF-8\""])
        }
        request[AuthenticatedNameKey.self] = name
        request[Key.self] = value
        return await next(request)
    }
}

extension BasicAuthentication where Key == AuthenticatedNameKey {
    /// For who needs no more than the name.
    public init(
        realm: String = "this site",
        verify: @escaping @Sendable (_ name: String, _ password: String) async throws -> Bool
    ) {
        self.init(Key.self, realm: realm) { name, password in try await verify(name, password) ? name : nil }
    }
}

/// Lets in whoever shows a token that `verify` knows (RFC 6750); others are told 401. The handler finds who it was
/// under `Key`.
public struct BearerAuthentication<Key: RequestKey>: AsyncMiddleware {
    /// Reads anew what `verify` goes by; see ``Middleware/onReload``.
    public var onReload: (@Sendable () async throws -> Void)?
    private let verify: @Sendable (_ token: String) async throws -> Key.Value?

    public init(_ key: Key.Type, verify: @escaping @Sendable (_ token: String) async throws -> Key.Value?) {
        self.verify = verify
    }

    public func respond(to request: Request, next: (Request) async -> Response) async throws -> Response {
        guard let token = request.authorization("Bearer") else {
            throw HTTPFailure(.unauthorized, fields: [.wwwAuthenticate: "Bearer"])
        }
        guard let value = try await verify(token) else {
            throw HTTPFailure(.unauthorized, fields: [.wwwAuthenticate: "Bearer error=\"invalid_token\""])
        }
        request[Key.self] = value
        return await next(request)
    }
}

/// Whether two secrets are the same, without telling by the time taken where they differ; their lengths may show.
public func constantTimeEquals(_ left: String, _ right: String) -> Bool {
    let (left, right) = (Array(left.utf8), Array(right.utf8))
    guard left.count == right.count else { return false }
    var difference: UInt8 = 0
    for index in left.indices { difference |= left[index] ^ right[index] }
    return difference == 0
}

/// Under which authentication of any kind leaves the name that the access log shows.
public enum AuthenticatedNameKey: RequestKey { public typealias Value = String }

extension Request {
    /// The name by which ``BasicAuthentication`` let the client in, or what else was set under
    /// ``AuthenticatedNameKey``.
    public var authenticatedName: String? { self[AuthenticatedNameKey.self] }

    /// The credentials of `Authorization`, if they are of `scheme`.
    package func authorization(_ scheme: String) -> String? {
        guard let field = header("Authorization"), let space = field.utf8.firstIndex(of: UInt8(ascii: " ")),
            field[..<space].lowercased() == scheme.lowercased()
        else { return nil }
        return String(field[space...].trimmedOfSpaces)
    }

    /// What the client shows by HTTP's Basic scheme (RFC 7617 §2), if it is whole and in UTF-8.
    package var basicCredentials: (name: String, password: String)? {
        guard let encoded = authorization("Basic"), let data = Data(base64Encoded: encoded),
            let text = String(validating: data, as: UTF8.self),
            // By bytes: a password may begin with a mark that combines with the colon.
            let colon = text.utf8.firstIndex(of: UInt8(ascii: ":"))
        else { return nil }
        return (String(text[..<colon]), String(text[text.utf8.index(after: colon)...]))
    }
}

extension String {
    /// As it stands between quotation marks (RFC 9110 §5.6.4).
    package var quoted: String {
        let quoted = unicodeScalars.flatMap { $0 == "\"" || $0 == "\\" ? ["\\", $0] : [$0] }
        return String(String.UnicodeScalarView(quoted))
    }
}
