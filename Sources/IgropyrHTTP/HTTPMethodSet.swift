/// Which methods a path allows.
public struct HTTPMethodSet: OptionSet, Sendable, Hashable {
    public let rawValue: UInt16

    public init(rawValue: UInt16) { self.rawValue = rawValue }

    public init(_ method: HTTPMethod) { rawValue = 1 << UInt16(method.rawValue) }

    public func contains(_ method: HTTPMethod) -> Bool { contains(HTTPMethodSet(method)) }

    /// The value of `Allow` (RFC 9110 §10.2.1); ``HTTPMethod/other`` has no name and is left out.
    public var allow: String {
        HTTPMethod.allCases.filter(contains).compactMap { $0.name.map { "\($0)" } }.joined(separator: ", ")
    }
}
