internal import CPostgreSQL
internal import Glibc
internal import IgropyrDatabase
internal import IgropyrText

/// The values of a statement as libpq wants them: text that ends with NUL, and bytes as they are.
@safe
final class PostgresParameters {
    private var values: [UnsafePointer<CChar>?] = unsafe []
    private var lengths: [Int32] = []
    private var formats: [Int32] = []

    /// - Throws: `.invalidParameter` for text with NUL, which PostgreSQL cannot hold, and for values of 1 GiB and more.
    init(_ values: [SQLValue]) throws(PostgresError) {
        guard values.count <= 65_535 else { throw .unsupported("a statement with more than 65535 parameters") }
        for (index, value) in values.enumerated() {
            if case .bytes(let bytes) = value {
                append(bytes, isBinary: true)
            } else {
                append(try Self.text(of: value, number: index + 1).map { Array($0.utf8) }, isBinary: false)
            }
            guard lengths[index] < 1 << 30 else { throw .invalidParameter("parameter \(index + 1) has 1 GiB or more") }
        }
    }

    /// A value as PostgreSQL reads it; nil for NULL.
    private static func text(of value: SQLValue, number: Int) throws(PostgresError) -> String? {
        switch value {
        case .null: return nil
        case .bool(let value): return value ? "t" : "f"
        case .int(let value): return "\(value)"
        case .unsigned(let value): return "\(value)"
        case .double(let value): return "\(value)"
        case .decimal(let value): return "\(value)"
        case .text(let text):
            guard !text.utf8.contains(0) else {
                throw .invalidParameter("parameter \(number) is text with NUL, which PostgreSQL cannot hold")
            }
            return text
        case .bytes(let bytes): return "\\x" + Hexadecimal.text(bytes)
        case .date(let date):
            guard let time = SQLTime(date) else {
                throw .invalidParameter("parameter \(number) is not of the years 1 to 9999")
            }
            return time.text + "+00"
        case .array(let values):
            var texts: [String] = []
            for value in values { texts.append(try elementText(of: value, number: number)) }
            return "{\(texts.joined(separator: ","))}"
        }
    }

    private static func elementText(of value: SQLValue, number: Int) throws(PostgresError) -> String {
        guard let text = try text(of: value, number: number) else { return "NULL" }
        if case .array = value { return text }
        return SQLArrayText.quoted(text)
    }

    deinit { unsafe values.forEach { unsafe free(UnsafeMutablePointer(mutating: $0)) } }

    private func append(_ bytes: [UInt8]?, isBinary: Bool) {
        lengths.append(Int32(clamping: bytes?.count ?? 0))
        formats.append(isBinary ? 1 : 0)
        guard let bytes else { return unsafe values.append(nil) }
        let copy = unsafe malloc(bytes.count + 1)!
        unsafe UnsafeMutableRawBufferPointer(start: copy, count: bytes.count).copyBytes(from: bytes)
        unsafe copy.storeBytes(of: 0, toByteOffset: bytes.count, as: UInt8.self)
        unsafe values.append(UnsafePointer(copy.assumingMemoryBound(to: CChar.self)))
    }

    /// Sends a statement that is not prepared, and all at once: one who stands between, such as PgBouncer, may give the
    /// next to another session.
    /// - Returns: whether libpq took it.
    func send(to connection: OpaquePointer, text: String) -> Bool {
        unsafe PQsendQueryParams(connection, text, Int32(values.count), nil, values, lengths, formats, 0) == 1
    }

    /// Whether libpq took it.
    func send(to connection: OpaquePointer, statement: String) -> Bool {
        unsafe PQsendQueryPrepared(connection, statement, Int32(values.count), values, lengths, formats, 0) == 1
    }
}
