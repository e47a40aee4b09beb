/// A text that is not the name it should be; says which rule it breaks.
public struct InvalidName: Error, Hashable, CustomStringConvertible {
    public var text: String
    /// What the name must look like.
    public var rule: String

    public var description: String { "\"\(text.prefix(80))\" is not \(rule)" }
}

/// A deployed application's name: 1 to 63 of a–z, 0–9 and '-', as in a DNS label; '-' neither first nor last.
public struct ApplicationName: RawRepresentable, Hashable, Sendable, Codable, CodingKeyRepresentable {
    public let rawValue: String

    public init?(rawValue: String) {
        let bytes = rawValue.utf8
        guard (1...63).contains(bytes.count), bytes.first != .hyphen, bytes.last != .hyphen,
            bytes.allSatisfy({ $0.isLowercaseLetter || $0.isDigit || $0 == .hyphen })
        else { return nil }
        self.rawValue = rawValue
    }

    package static let rule = "an application name: 1 to 63 of a-z, 0-9 and '-', no '-' at either end"

    public init(_ text: String) throws(InvalidName) {
        guard let name = Self(rawValue: text) else { throw InvalidName(text: text, rule: Self.rule) }
        self = name
    }
}

extension ApplicationName {
    /// The name that comes closest to a file's: in lower case, and a hyphen for whatever else cannot stand in it. Nil
    /// if nothing is left of it.
    public init?(resembling fileName: String) {
        let parts = fileName.lowercased().split { character in
            !character.isASCII || !(character.isLetter || character.isNumber)
        }
        self.init(rawValue: parts.joined(separator: "-"))
    }
}

/// A host's name in the cluster, the one it gossips: 1 to 128 of letters, digits, '-', '.' and '_'.
public struct HostName: RawRepresentable, Hashable, Sendable, Codable, CodingKeyRepresentable {
    public let rawValue: String

    public init?(rawValue: String) {
        let bytes = rawValue.utf8
        guard (1...128).contains(bytes.count),
            bytes.allSatisfy({ $0.isLetter || $0.isDigit || $0 == .hyphen || $0 == .period || $0 == .underscore })
        else { return nil }
        self.rawValue = rawValue
    }

    public init(_ text: String) throws(InvalidName) {
        guard let name = Self(rawValue: text) else {
            throw InvalidName(text: text, rule: "a host name: 1 to 128 of letters, digits, '-', '.' and '_'")
        }
        self = name
    }
}

/// The SHA-256 of a bundle's index, as 64 lower-case hexadecimal digits: what names a revision.
public struct BundleDigest: RawRepresentable, Hashable, Sendable, Codable, CodingKeyRepresentable {
    public let rawValue: String

    public init?(rawValue: String) {
        let bytes = rawValue.utf8
        guard bytes.count == 64,
            bytes.allSatisfy({ $0.isDigit || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0) })
        else { return nil }
        self.rawValue = rawValue
    }

    public init(_ text: String) throws(InvalidName) {
        guard let digest = Self(rawValue: text) else {
            throw InvalidName(text: text, rule: "a bundle digest: 64 of 0-9 and a-f")
        }
        self = digest
    }

    /// The first 12 digits, for people.
    public var short: String { String(rawValue.prefix(12)) }
}

extension ApplicationName: Comparable, CustomStringConvertible {
    public var description: String { rawValue }
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

extension HostName: Comparable, CustomStringConvertible {
    public var description: String { rawValue }
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

extension BundleDigest: Comparable, CustomStringConvertible {
    public var description: String { rawValue }
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

extension UInt8 {
    static let hyphen = UInt8(ascii: "-")
    static let period = UInt8(ascii: ".")
    static let underscore = UInt8(ascii: "_")
    static let slash = UInt8(ascii: "/")
    static let asterisk = UInt8(ascii: "*")

    var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }
    var isLowercaseLetter: Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self) }
    var isLetter: Bool { lowercased.isLowercaseLetter }
    /// ASCII letters in lower case, everything else as it is.
    var lowercased: UInt8 { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(self) ? self | 0x20 : self }
}
