internal import HTTPTypes
internal import Synchronization

/// Gives each request a name, for the logs of all who have to do with it: ``Request/id``, sent back as `X-Request-ID`.
///
/// A name that comes with the request counts only if `trustsClients` is set, as behind a proxy that sets it; one of
/// other than 1 to 128 letters, digits and `-_.` never does, so that nobody writes into logs.
public struct RequestIDs: Middleware {
    public var trustsClients: Bool

    public init(trustsClients: Bool = false) { self.trustsClients = trustsClients }

    public func before(_ request: Request) -> Response? {
        request[Key.self] = (trustsClients ? Self.given(request) : nil) ?? Self.next()
        return nil
    }

    public func after(_ request: Request, _ response: inout Response) {
        response.fields[Self.field] = request.id
    }

    fileprivate enum Key: RequestKey { typealias Value = String }

    static let field = HTTPField.Name("X-Request-ID")!

    private static func given(_ request: Request) -> String? {
        guard let id = request.header("X-Request-ID"), (1...128).contains(id.utf8.count) else { return nil }
        let isPlain = id.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                true
            default: false
            }
        }
        return isPlain ? id : nil
    }

    /// Tells this process from others; 64 random bits.
    private static let process = String(UInt64.random(in: .min ... .max), radix: 36)
    private static let count = Atomic<UInt64>(0)

    private static func next() -> String {
        "\(process)-\(String(count.wrappingAdd(1, ordering: .relaxed).newValue, radix: 36))"
    }
}

extension Request {
    /// The name that ``RequestIDs`` gave it; nil without that middleware.
    public var id: String? { self[RequestIDs.Key.self] }
}
