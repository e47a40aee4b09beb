/// Statements that a connection keeps prepared, by their text: the one used longest ago gives way.
public struct StatementCache<Statement> {
    private let limit: Int
    private var entries: [String: (statement: Statement, use: UInt64)] = [:]
    private var uses: UInt64 = 0

    public init(limit: Int) { self.limit = limit }

    public var count: Int { entries.count }

    public mutating func find(_ text: String) -> Statement? {
        guard let index = entries.index(forKey: text) else { return nil }
        uses += 1
        entries.values[index].use = uses
        return entries.values[index].statement
    }

    /// - Returns: what is to be let go for it: the statement itself if nothing is kept.
    public mutating func insert(_ statement: Statement, for text: String) -> Statement? {
        guard limit > 0 else { return statement }
        let oldest = entries.count < limit ? nil : entries.min { $0.value.use < $1.value.use }
        if let oldest { entries[oldest.key] = nil }
        uses += 1
        entries[text] = (statement, uses)
        return oldest?.value.statement
    }

    public mutating func remove(_ text: String) -> Statement? { entries.removeValue(forKey: text)?.statement }
}
