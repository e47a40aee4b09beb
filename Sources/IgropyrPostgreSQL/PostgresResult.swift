internal import CPostgreSQL
internal import IgropyrDatabase

/// One of libpq's results, freed with this object.
@safe
final class PostgresResult {
    private static let bytea: Oid = 17

    private let raw: OpaquePointer

    init(owning raw: OpaquePointer) { unsafe self.raw = raw }

    deinit { unsafe PQclear(raw) }

    var status: ExecStatusType { unsafe PQresultStatus(raw) }

    /// Such as `COMMIT`.
    var command: String { unsafe String(cString: PQcmdStatus(raw)) }

    var affectedRows: Int { unsafe Int(String(cString: PQcmdTuples(raw))) ?? 0 }

    var columns: [String] { unsafe (0..<PQnfields(raw)).map { unsafe String(cString: PQfname(raw, $0)) } }

    var error: PostgresServerError {
        PostgresServerError(
            sqlState: field(igropyr_PG_DIAG_SQLSTATE) ?? "",
            message: field(igropyr_PG_DIAG_MESSAGE_PRIMARY) ?? "",
            detail: field(igropyr_PG_DIAG_MESSAGE_DETAIL), hint: field(igropyr_PG_DIAG_MESSAGE_HINT),
            constraint: field(igropyr_PG_DIAG_CONSTRAINT_NAME),
            position: field(igropyr_PG_DIAG_STATEMENT_POSITION).flatMap { Int($0) }, statement: nil)
    }

    /// Whether the server has ended the session with it.
    var isFatal: Bool { ["FATAL", "PANIC"].contains(field(igropyr_PG_DIAG_SEVERITY_NONLOCALIZED) ?? "FATAL") }

    private func field(_ code: Int32) -> String? {
        guard let text = unsafe PQresultErrorField(raw, code) else { return nil }
        return unsafe String(cString: text)
    }

    func appendRows(to rows: inout SQLRows) {
        for row in unsafe 0..<PQntuples(raw) {
            for column in unsafe 0..<PQnfields(raw) { appendCell(row, column, to: &rows) }
            rows.endRow()
        }
    }

    private func appendCell(_ row: Int32, _ column: Int32, to rows: inout SQLRows) {
        guard unsafe PQgetisnull(raw, row, column) == 0, let value = unsafe PQgetvalue(raw, row, column) else {
            return rows.appendNull()
        }
        let count = Int(unsafe PQgetlength(raw, row, column))
        let bytes = unsafe UnsafeRawBufferPointer(start: value, count: count)
        guard unsafe PQftype(raw, column) == Self.bytea else { return unsafe rows.append(bytes) }
        var decodedCount = 0
        let text = unsafe UnsafeRawPointer(value).assumingMemoryBound(to: UInt8.self)  // libpq ends it with NUL.
        guard let decoded = unsafe PQunescapeBytea(text, &decodedCount) else { return rows.appendNull() }
        unsafe rows.append(UnsafeRawBufferPointer(start: decoded, count: decodedCount))
        unsafe PQfreemem(decoded)
    }
}
