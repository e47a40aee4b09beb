/// The rows of a result, in memory.
public struct SQLRows: RandomAccessCollection, Sendable {
    fileprivate struct Cell {
        var start: Int
        /// -1 for NULL.
        var count: Int
    }

    public private(set) var columns: SQLColumns
    /// Rows that the statement changed, or those here.
    public package(set) var affectedRows = 0
    /// The number that MySQL gave to the first row that was inserted (`AUTO_INCREMENT`); nil if it gave none.
    /// PostgreSQL tells such by `RETURNING`.
    public package(set) var insertID: UInt64?
    private var bytes: [UInt8] = []
    private var cells: [Cell] = []
    private var rowCount = 0

    package init(columns: [String] = []) { self.init(columns: SQLColumns(columns)) }

    package init(columns: SQLColumns) { self.columns = columns }

    public var startIndex: Int { 0 }
    public var endIndex: Int { rowCount }
    public subscript(index: Int) -> SQLRow {
        precondition(index >= 0 && index < rowCount, "there is no such row")
        return SQLRow(rows: self, number: index)
    }

    /// The rows as values of a type: a struct whose properties are named as the columns, or what a single column holds.
    /// - Throws: `DecodingError`, which names the column.
    public func decode<Value: Decodable>(_ type: Value.Type) throws -> [Value] { try map { try $0.decode(type) } }

    /// Memory that the rows take, more or less.
    package var byteCount: Int { bytes.count + cells.count * MemoryLayout<Cell>.size }

    package mutating func appendNull() { cells.append(Cell(start: 0, count: -1)) }

    package mutating func append(_ value: some Collection<UInt8>) {
        cells.append(Cell(start: bytes.count, count: value.count))
        bytes += value
    }

    /// What was appended is a row.
    package mutating func endRow() {
        rowCount += 1
        precondition(cells.count == rowCount * columns.names.count, "as many cells as columns")
    }

    /// The bytes of a value; nil for NULL.
    fileprivate func value(row: Int, column: Int) -> ArraySlice<UInt8>? {
        let cell = cells[row * columns.names.count + column]
        return cell.count < 0 ? nil : bytes[cell.start..<cell.start + cell.count]
    }
}

/// The names of a result's columns.
public struct SQLColumns: Sendable {
    public let names: [String]
    private let numbers: [String: Int]

    package init(_ names: [String]) {
        self.names = names
        numbers = Dictionary(zip(names, names.indices)) { first, _ in first }
    }

    /// Of several of one name, the first.
    public func number(of name: String) -> Int? { numbers[name] }
}

/// One row of a result.
public struct SQLRow: Sendable {
    private let rows: SQLRows
    private let number: Int

    init(rows: SQLRows, number: Int) {
        self.rows = rows
        self.number = number
    }

    public var columns: SQLColumns { rows.columns }

    /// A column's bytes, as the server writes the value in text, or those of a binary one; nil for NULL, and where
    /// there is no such column.
    public func bytes(_ column: String) -> ArraySlice<UInt8>? { columns.number(of: column).flatMap { bytes(at: $0) } }

    public func bytes(at column: Int) -> ArraySlice<UInt8>? { rows.value(row: number, column: column) }

    /// The value of a column; of a type that is optional, nil for NULL.
    /// - Throws: ``SQLDecodingError``.
    public func decode<Value: SQLDecodable>(
        _ column: String, as type: Value.Type = Value.self
    ) throws(SQLDecodingError) -> Value {
        guard let number = columns.number(of: column) else {
            throw SQLDecodingError(column: column, reason: "there is no such column")
        }
        return try decode(at: number)
    }

    public func decode<Value: SQLDecodable>(
        at column: Int, as type: Value.Type = Value.self
    ) throws(SQLDecodingError) -> Value {
        let bytes = bytes(at: column)
        guard let value = Value(sqlBytes: bytes) else {
            let found = bytes == nil ? "NULL" : "another value"
            throw SQLDecodingError(column: columns.names[column], reason: "expected \(type), found \(found)")
        }
        return value
    }

    /// The first columns, by their order, at least two.
    public func decode<First: SQLDecodable, Second: SQLDecodable, each Value: SQLDecodable>(
        _ first: First.Type, _ second: Second.Type, _ types: repeat (each Value).Type
    ) throws(SQLDecodingError) -> (First, Second, repeat each Value) {
        var column = -1
        func next<One: SQLDecodable>(_: One.Type) throws(SQLDecodingError) -> One {
            column += 1
            guard column < columns.names.count else {
                throw SQLDecodingError(column: "\(column + 1)", reason: "the row has \(column) columns")
            }
            return try decode(at: column)
        }
        return (try next(first), try next(second), repeat try next(each types))
    }

    /// The row as a value of a type: a struct whose properties are named as the columns, or what its only column holds.
    public func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        try RowDecoder(row: self).decode(type)
    }
}

/// A value that is not what was asked for.
public struct SQLDecodingError: Error, Equatable, CustomStringConvertible {
    public let column: String
    public let reason: String

    public var description: String { "column \(column): \(reason)" }
}
