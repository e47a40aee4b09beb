/// Decodes a type from a row: each property from the column of its name; a single value from the only column.
struct RowDecoder: Decoder {
    let row: SQLRow
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        guard let type = type as? any SQLDecodable.Type else { return try Value(from: self) }
        return try CellDecoder(row: row, column: 0, codingPath: []).decodeDirectly(type) as! Value
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(RowContainer<Key>(row: row))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw notFlat([]) }

    func singleValueContainer() throws -> any SingleValueDecodingContainer {
        CellDecoder(row: row, column: 0, codingPath: [])
    }
}

private func notFlat(_ path: [any CodingKey]) -> DecodingError {
    .dataCorrupted(DecodingError.Context(codingPath: path, debugDescription: "a row has columns only"))
}

private struct RowContainer<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let row: SQLRow
    var codingPath: [any CodingKey] { [] }
    var allKeys: [Key] { row.columns.names.compactMap { Key(stringValue: $0) } }

    func contains(_ key: Key) -> Bool { row.columns.number(of: key.stringValue) != nil }
    func decodeNil(forKey key: Key) throws -> Bool { row.bytes(key.stringValue) == nil }

    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        guard let column = row.columns.number(of: key.stringValue) else {
            throw DecodingError.keyNotFound(
                key, DecodingError.Context(codingPath: [], debugDescription: "there is no column \(key.stringValue)"))
        }
        return try CellDecoder(row: row, column: column, codingPath: [key]).decode(type)
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> { throw notFlat([key]) }
    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer { throw notFlat([key]) }
    func superDecoder() throws -> any Decoder { throw notFlat([]) }
    func superDecoder(forKey key: Key) throws -> any Decoder { throw notFlat([key]) }
}

/// One column of a row.
private struct CellDecoder: Decoder, SingleValueDecodingContainer {
    let row: SQLRow
    let column: Int
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func decodeDirectly<Value: SQLDecodable>(_ type: Value.Type) throws -> Value {
        do throws(SQLDecodingError) {
            return try row.decode(at: column)
        } catch {
            throw DecodingError.typeMismatch(
                type, DecodingError.Context(codingPath: codingPath, debugDescription: "\(error)"))
        }
    }

    func decodeNil() -> Bool { row.bytes(at: column) == nil }

    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        guard let type = type as? any SQLDecodable.Type else { return try Value(from: self) }
        return try decodeDirectly(type) as! Value
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        throw notFlat(codingPath)
    }
    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw notFlat(codingPath) }
    func singleValueContainer() throws -> any SingleValueDecodingContainer { self }
}
