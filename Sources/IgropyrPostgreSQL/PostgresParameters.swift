internal import CPostgreSQL
internal import Glibc
internal import IgropyrDatabase

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
            switch value {
            case .null: append(nil, isBinary: false)
            case .bool(let value): append(Array((value ? "t" : "f").utf8), isBinary: false)
            case .int(let value): append(Array("\(value)".utf8), isBinary: false)
            case .unsigned(let value): append(Array("\(value)".utf8), isBinary: false)
            case .double(let value): append(Array("\(value)".utf8), isBinary: false)
            case .text(let text):
                guard !text.utf8.contains(0) else {
                    throw .invalidParameter("parameter \(index + 1) is text with NUL, which PostgreSQL cannot hold")
                }
                append(Array(text.utf8), isBinary: false)
            case .bytes(let bytes): append(bytes, isBinary: true)
            }
            guard lengths[index] < 1 << 30 else { throw .invalidParameter("parameter \(index + 1) has 1 GiB or more") }
        }
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
