public import FoundationEssentials

/// To the microsecond, of the years 1 to 9999. Goes to PostgreSQL's `timestamptz` as that moment, to `timestamp`,
/// `date` and all of MariaDB's and MySQL's as what calendar and clock show then in UTC; is read from these alike.
extension Date: SQLElement {
    public var sqlValue: SQLValue { .date(self) }

    public init?(sqlBytes: ArraySlice<UInt8>?) {
        guard let sqlBytes, let time = SQLTime(text: sqlBytes) else { return nil }
        self = time.date
    }
}
