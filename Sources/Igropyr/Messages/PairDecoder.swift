internal import FoundationEssentials
internal import IgropyrHTTP

/// Decodes a type from the pairs of a query or a form: each property from the values of its name.
///
/// Numbers, text, `Bool` (`true`, `1`, `on`; `false`, `0`, `off`), dates as ISO 8601 has them, URLs, enums over those,
/// and what decodes from a single value; files; arrays and sets from repeated names. Where the type is optional, a name
/// that is missing or has nothing but empty values is nil, and so is the whole without any pair. Nothing is nested.
struct PairDecoder: Decoder, SingleValueDecodingContainer {
    let values: [String: [FormValue]]
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    init(_ values: [String: [FormValue]]) { self.values = values }

    init(_ pairs: [QueryPair]) {
        self.init(pairs.reduce(into: [:]) { values, pair in values[pair.name, default: []].append(.text(pair.value)) })
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(PairContainer<Key>(values: values))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw notFlat([]) }
    func singleValueContainer() -> any SingleValueDecodingContainer { self }

    // A type that is nothing but another one, as an optional is.

    func decodeNil() -> Bool { values.isEmpty }

    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        // These would ask for themselves again.
        guard !(type is any LosslessStringConvertible.Type) else { throw notFlat([]) }
        return try type.init(from: self)
    }
}

private func notFlat(_ path: [any CodingKey]) -> DecodingError {
    .dataCorrupted(DecodingError.Context(codingPath: path, debugDescription: "a form has names and values only"))
}

private struct PairContainer<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let values: [String: [FormValue]]
    var codingPath: [any CodingKey] { [] }
    var allKeys: [Key] { values.keys.compactMap { Key(stringValue: $0) } }

    func contains(_ key: Key) -> Bool { values[key.stringValue] != nil }
    func decodeNil(forKey key: Key) -> Bool { values[key.stringValue]?.allSatisfy(\.isEmpty) ?? true }

    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        let values = values[key.stringValue] ?? []
        if values.isEmpty, !(type is any RepeatedValue.Type) {
            throw DecodingError.keyNotFound(key, DecodingError.Context(codingPath: [], debugDescription: "missing"))
        }
        return try ValueDecoder(values: values, codingPath: [key]).decode(type)
    }

    // Swift asks for these types by name.
    func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { try value(key) }
    func decode(_ type: String.Type, forKey key: Key) throws -> String { try value(key) }
    func decode(_ type: Double.Type, forKey key: Key) throws -> Double { try value(key) }
    func decode(_ type: Float.Type, forKey key: Key) throws -> Float { try value(key) }
    func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try value(key) }
    func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 { try value(key) }
    func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 { try value(key) }
    func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 { try value(key) }
    func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 { try value(key) }
    func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt { try value(key) }
    func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 { try value(key) }
    func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 { try value(key) }
    func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 { try value(key) }
    func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 { try value(key) }

    private func value<Value: Decodable & LosslessStringConvertible>(_ key: Key) throws -> Value {
        try decode(Value.self, forKey: key)
    }

    func nestedContainer<NestedKey: CodingKey>(
        keyedBy type: NestedKey.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<NestedKey> { throw notFlat([key]) }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        ValueList(decoder: ValueDecoder(values: values[key.stringValue] ?? [], codingPath: [key]))
    }

    func superDecoder() throws -> any Decoder { throw notFlat([]) }
    func superDecoder(forKey key: Key) throws -> any Decoder { throw notFlat([key]) }
}

/// Types that no value at all makes, too.
private protocol RepeatedValue {}
extension Array: RepeatedValue {}
extension Set: RepeatedValue {}

/// Decodes from the values of one name.
struct ValueDecoder: Decoder, SingleValueDecodingContainer {
    let values: [FormValue]
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        throw notFlat(codingPath)
    }

    func unkeyedContainer() -> any UnkeyedDecodingContainer { ValueList(decoder: self) }
    func singleValueContainer() -> any SingleValueDecodingContainer { self }
    func decodeNil() -> Bool { values.allSatisfy(\.isEmpty) }

    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        let text = values.first?.text ?? ""
        let value: Any?
        switch type {
        case let known as any LosslessStringConvertible.Type:
            value = values.first?.text.flatMap { Self.read($0, as: known) }
        // These decode by themselves in a manner of their own, from what is not a form.
        case is Date.Type: value = try Date(iso8601: text, at: codingPath)
        case is URL.Type: value = URL(string: text)
        case is Decimal.Type: value = text.isDecimal ? Decimal(string: text) : nil
        default: return try Value(from: self)
        }
        guard let value = value as? Value else {
            throw DecodingError.typeMismatch(
                type, DecodingError.Context(codingPath: codingPath, debugDescription: "not a \(type)"))
        }
        return value
    }

    private static func read(_ text: String, as type: any LosslessStringConvertible.Type) -> Any? {
        guard type == Bool.self else { return finite(type.init(text)) }
        return switch text.lowercased() {
        case "true", "1", "on": true
        case "false", "0", "off": false
        default: nil
        }
    }

    /// No infinity, and no NaN: nobody means them, JSON has none, and they trap where they become an `Int`.
    private static func finite(_ value: Any?) -> Any? {
        guard let number = value as? any FloatingPoint, !number.isFinite else { return value }
        return nil
    }
}

extension String {
    /// `Decimal` itself takes whatever begins with a number.
    fileprivate var isDecimal: Bool {
        Double(self) != nil && utf8.allSatisfy { "0123456789+-.eE".utf8.contains($0) }
    }

    /// Whether behind the time there is a zone and nothing else: Foundation takes whatever begins with a date.
    fileprivate var endsWithZone: Bool {
        let zone = utf8.drop { $0 != UInt8(ascii: "T") }.dropFirst().drop { "0123456789:.".utf8.contains($0) }
        guard let first = zone.first, first != UInt8(ascii: "Z") else { return zone.count == 1 }
        return (3...9).contains(zone.count) && "+-".utf8.contains(first)
            && zone.dropFirst().allSatisfy { "0123456789:".utf8.contains($0) }
    }
}

extension Date {
    init(iso8601 text: String, at path: [any CodingKey]) throws {
        guard text.endsWithZone, let date = try? Date(text, strategy: .iso8601) else {
            throw DecodingError.dataCorrupted(
                DecodingError.Context(
                    codingPath: path, debugDescription: "not a date of ISO 8601, such as 2026-11-29T21:16:10Z"))
        }
        self = date
    }
}

private struct ValueList: UnkeyedDecodingContainer {
    let decoder: ValueDecoder
    var codingPath: [any CodingKey] { decoder.codingPath }
    var count: Int? { decoder.values.count }
    var isAtEnd: Bool { currentIndex == decoder.values.count }
    private(set) var currentIndex = 0

    init(decoder: ValueDecoder) { self.decoder = decoder }

    mutating func decodeNil() -> Bool { false }

    mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        guard !isAtEnd else {
            throw DecodingError.valueNotFound(
                type, DecodingError.Context(codingPath: codingPath, debugDescription: "no more values"))
        }
        defer { currentIndex += 1 }
        return try ValueDecoder(values: [decoder.values[currentIndex]], codingPath: codingPath).decode(type)
    }

    mutating func nestedContainer<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        throw notFlat(codingPath)
    }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { throw notFlat(codingPath) }
    mutating func superDecoder() throws -> any Decoder { throw notFlat(codingPath) }
}
