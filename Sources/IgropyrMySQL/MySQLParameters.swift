internal import CMariaDB
internal import IgropyrDatabase

/// The values of a statement as libmariadb wants them, for as long as this object lives.
@safe
final class MySQLParameters {
    /// What the protocol counts up to.
    private static let countLimit = 65_535

    let count: Int
    private let binds: UnsafeMutableBufferPointer<MYSQL_BIND>
    private var memory: [UnsafeMutableRawBufferPointer] = unsafe []

    /// - Throws: `.unsupported` for too many, `.invalidParameter` for values of 1 GiB and more.
    init(_ values: [SQLValue]) throws(MySQLError) {
        guard values.count <= Self.countLimit else {
            throw .unsupported("a statement with more than \(Self.countLimit) parameters")
        }
        count = values.count
        unsafe binds = .allocate(capacity: values.count)
        unsafe binds.initialize(repeating: MYSQL_BIND())
        for (index, value) in values.enumerated() {
            switch value {
            case .null: unsafe binds[index].buffer_type = MYSQL_TYPE_NULL
            case .bool(let value): set(index, MYSQL_TYPE_TINY, value ? Int8(1) : 0)
            case .int(let value): set(index, MYSQL_TYPE_LONGLONG, value)
            case .unsigned(let value):
                set(index, MYSQL_TYPE_LONGLONG, value)
                unsafe binds[index].is_unsigned = 1
            case .double(let value): set(index, MYSQL_TYPE_DOUBLE, value)
            case .decimal(let value):
                guard !value.isNaN else { throw .invalidParameter("parameter \(index + 1) is not a number") }
                try set(index, MYSQL_TYPE_NEWDECIMAL, Array("\(value)".utf8))
            case .text(let text): try set(index, MYSQL_TYPE_STRING, Array(text.utf8))
            case .bytes(let bytes): try set(index, MYSQL_TYPE_BLOB, bytes)
            case .date(let date):
                guard let time = SQLTime(date) else {
                    throw .invalidParameter("parameter \(index + 1) is not of the years 1 to 9999")
                }
                set(index, MYSQL_TYPE_DATETIME, MYSQL_TIME(time))
            case .array: throw .unsupported("an array as a parameter, which PostgreSQL has,")
            }
        }
    }

    deinit {
        unsafe memory.forEach { unsafe $0.deallocate() }
        unsafe binds.deallocate()
    }

    /// Whether libmariadb takes it, of a statement with as many places; to be kept until the statement was run.
    func bind(to statement: MySQLStatement) -> Bool {
        guard count > 0 else { return true }
        return unsafe mysql_stmt_bind_param(statement.raw, binds.baseAddress) == 0
    }

    private func set<Number: BitwiseCopyable>(_ index: Int, _ type: enum_field_types, _ number: Number) {
        unsafe withUnsafeBytes(of: number) { bytes in unsafe copy(bytes, to: index, type) }
    }

    private func set(_ index: Int, _ type: enum_field_types, _ bytes: [UInt8]) throws(MySQLError) {
        guard bytes.count < 1 << 30 else { throw .invalidParameter("parameter \(index + 1) has 1 GiB or more") }
        unsafe bytes.withUnsafeBytes { bytes in unsafe copy(bytes, to: index, type) }
    }

    private func copy(_ bytes: UnsafeRawBufferPointer, to index: Int, _ type: enum_field_types) {
        // One byte at least: without memory it would be NULL.
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, bytes.count), alignment: 8)
        unsafe copy.copyBytes(from: bytes)
        unsafe memory.append(copy)
        unsafe binds[index].buffer_type = type
        unsafe binds[index].buffer = copy.baseAddress
        unsafe binds[index].buffer_length = UInt(bytes.count)
    }
}

extension MYSQL_TIME {
    fileprivate init(_ time: SQLTime) {
        self.init()
        (year, month, day) = (UInt32(time.day.year), UInt32(time.day.month), UInt32(time.day.day))
        hour = UInt32(time.secondOfDay / 3600)
        minute = UInt32(time.secondOfDay / 60 % 60)
        second = UInt32(time.secondOfDay % 60)
        second_part = UInt(time.microsecond)
        time_type = MYSQL_TIMESTAMP_DATETIME
    }
}
