internal import CMariaDB
internal import IgropyrDatabase

/// The columns of a statement's result, and the memory where libmariadb puts one row after the other; to be kept until
/// the last.
@safe
final class MySQLRowReader {
    /// How a column's value becomes text.
    private enum Kind {
        case signed
        case unsigned
        case double
        case float
        /// Up to 64 bits.
        case bits
        case bytes

        init?(_ field: MYSQL_FIELD) {
            switch unsafe field.type {
            case MYSQL_TYPE_TINY, MYSQL_TYPE_SHORT, MYSQL_TYPE_INT24, MYSQL_TYPE_LONG, MYSQL_TYPE_LONGLONG,
                MYSQL_TYPE_YEAR:
                self = unsafe field.flags & UInt32(UNSIGNED_FLAG) == 0 ? .signed : .unsigned
            case MYSQL_TYPE_DOUBLE: self = .double
            case MYSQL_TYPE_FLOAT: self = .float
            case MYSQL_TYPE_BIT: self = .bits
            case MYSQL_TYPE_NULL, MYSQL_TYPE_DECIMAL, MYSQL_TYPE_NEWDECIMAL, MYSQL_TYPE_DATE, MYSQL_TYPE_NEWDATE,
                MYSQL_TYPE_TIME, MYSQL_TYPE_DATETIME, MYSQL_TYPE_TIMESTAMP, MYSQL_TYPE_VARCHAR, MYSQL_TYPE_VAR_STRING,
                MYSQL_TYPE_STRING, MYSQL_TYPE_ENUM, MYSQL_TYPE_SET, MYSQL_TYPE_JSON, MYSQL_TYPE_GEOMETRY,
                MYSQL_TYPE_TINY_BLOB, MYSQL_TYPE_MEDIUM_BLOB, MYSQL_TYPE_LONG_BLOB, MYSQL_TYPE_BLOB:
                self = .bytes
            default: return nil
            }
        }

        /// What libmariadb is to make of it.
        var type: enum_field_types {
            switch self {
            case .signed, .unsigned: MYSQL_TYPE_LONGLONG
            case .double: MYSQL_TYPE_DOUBLE
            case .float: MYSQL_TYPE_FLOAT
            case .bits: MYSQL_TYPE_BIT
            case .bytes: MYSQL_TYPE_STRING
            }
        }
    }

    /// Longer values are fetched by themselves.
    private static let inlineBytes = 128

    let columns: [String]
    private let kinds: [Kind]
    private let statement: MySQLStatement
    private let binds: UnsafeMutableBufferPointer<MYSQL_BIND>
    private let memory: UnsafeMutableRawBufferPointer
    /// For long values; grows with them.
    private var scratch = unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0)

    /// Of what a statement that has just been run gives. libmariadb's own notes on the statement may be older.
    /// - Throws: `.unsupported` for a type that no server has yet.
    init(_ statement: MySQLStatement, in context: MySQLContext) throws(MySQLError) {
        let count = statement.columnCount
        guard let fields = unsafe context.raw.pointee.fields, unsafe context.raw.pointee.field_count == count
        else { throw .connectionLost("the columns of a result were not told") }
        let list = unsafe UnsafeBufferPointer(start: fields, count: count)
        unsafe columns = list.map { unsafe String(cString: $0.name) }
        let kinds = unsafe list.compactMap { unsafe Kind($0) }
        guard kinds.count == count else { throw .unsupported("a column of an unknown type") }
        self.kinds = kinds
        self.statement = statement
        unsafe binds = .allocate(capacity: count)
        unsafe binds.initialize(repeating: MYSQL_BIND())
        unsafe memory = .allocate(byteCount: count * Self.inlineBytes, alignment: 8)
        for (index, kind) in kinds.enumerated() {
            unsafe binds[index].buffer_type = kind.type
            unsafe binds[index].is_unsigned = kind == .unsigned ? 1 : 0
            unsafe binds[index].buffer = memory.baseAddress! + index * Self.inlineBytes
            unsafe binds[index].buffer_length = UInt(Self.inlineBytes)
        }
        guard unsafe mysql_stmt_bind_result(statement.raw, binds.baseAddress) == 0 else {
            throw .connectionLost(context.lastError(of: statement).message)
        }
    }

    deinit {
        unsafe scratch.deallocate()
        unsafe memory.deallocate()
        unsafe binds.deallocate()
    }

    /// Adds the row that was fetched last.
    func append(to rows: inout SQLRows) {
        for index in kinds.indices { append(index, to: &rows) }
        rows.endRow()
    }

    private func append(_ index: Int, to rows: inout SQLRows) {
        // libmariadb has a copy of `binds`, and writes there.
        let bind = unsafe statement.raw.pointee.bind[index]
        guard unsafe bind.is_null.pointee == 0, let buffer = unsafe UnsafeRawPointer(bind.buffer) else {
            return rows.appendNull()
        }
        switch kinds[index] {
        case .signed: unsafe rows.append("\(buffer.load(as: Int64.self))".utf8)
        case .unsigned: unsafe rows.append("\(buffer.load(as: UInt64.self))".utf8)
        case .double: unsafe rows.append(Self.text(buffer.load(as: Double.self)))
        case .float: unsafe rows.append(Self.text(buffer.load(as: Float.self)))
        case .bits:
            let bytes = unsafe UnsafeRawBufferPointer(start: buffer, count: min(8, Int(bind.length.pointee)))
            let number = unsafe bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            rows.append("\(number)".utf8)
        case .bytes:
            let count = unsafe Int(bind.length.pointee)
            guard count > Self.inlineBytes else {
                return unsafe rows.append(UnsafeRawBufferPointer(start: buffer, count: count))
            }
            unsafe rows.append(longValue(index, count))
        }
    }

    /// As the servers write them: without a fraction that is nought.
    private static func text(_ number: some BinaryFloatingPoint & CustomStringConvertible) -> Substring.UTF8View {
        let text = number.description
        return (text.hasSuffix(".0") ? text.dropLast(2) : text[...]).utf8
    }

    private func longValue(_ index: Int, _ count: Int) -> UnsafeRawBufferPointer {
        if unsafe scratch.count < count {
            unsafe scratch.deallocate()
            unsafe scratch = .allocate(byteCount: count, alignment: 8)
        }
        var bind = unsafe MYSQL_BIND()
        var length: UInt = 0
        unsafe bind.buffer_type = MYSQL_TYPE_STRING
        unsafe bind.buffer = scratch.baseAddress
        unsafe bind.buffer_length = UInt(count)
        unsafe withUnsafeMutablePointer(to: &length) { length in
            unsafe bind.length = length
            _ = unsafe mysql_stmt_fetch_column(statement.raw, &bind, UInt32(index), 0)
        }
        return unsafe UnsafeRawBufferPointer(start: scratch.baseAddress, count: count)
    }
}
