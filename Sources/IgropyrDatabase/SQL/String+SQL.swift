extension String: SQLElement {
    public var sqlValue: SQLValue { .text(self) }
}
