/// What a statement gave that was just run, but for its rows. Stays with its connection.
struct MySQLAnswer {
    let statement: MySQLStatement
    /// Nil if it gives no rows.
    var reader: MySQLRowReader?
    /// Nil if it gives rows.
    var affectedRows: Int?
    var insertID: UInt64?

    var columns: [String] { reader?.columns ?? [] }
}
