/// A statement and its parameters, written as one text:
/// `"SELECT name FROM users WHERE id = \(id)"`. What is interpolated becomes a parameter, which the server is sent
/// apart from the statement: it can never be taken for SQL. Text that is SQL is put in by `\(unescaped: …)`.
public struct SQLQuery: Equatable, Sendable, ExpressibleByStringInterpolation {
    /// What stands between the parameters; one more than there are of them.
    public private(set) var fragments: [String]
    public private(set) var values: [SQLValue]

    public init(stringLiteral value: String) {
        fragments = [value]
        values = []
    }

    public init(stringInterpolation: StringInterpolation) { self = stringInterpolation.query }

    /// A statement without parameters that was put together elsewhere. Nothing in it is escaped.
    public init(unescaped text: String) { self.init(stringLiteral: text) }

    /// The statement as a server wants it: `placeholder` is given the number of each parameter, from 1.
    public func text(placeholder: (Int) -> String) -> String {
        var text = fragments[0]
        for index in values.indices { text += placeholder(index + 1) + fragments[index + 1] }
        return text
    }

    public struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var query = SQLQuery(stringLiteral: "")

        public init(literalCapacity: Int, interpolationCount: Int) {}

        public mutating func appendLiteral(_ literal: String) {
            query.fragments[query.fragments.count - 1] += literal
        }

        public mutating func appendInterpolation(_ value: some SQLEncodable) {
            query.values.append(value.sqlValue)
            query.fragments.append("")
        }

        /// NULL for nil. Of its own, since Swift takes other optionals in a text for a mistake.
        public mutating func appendInterpolation(_ value: (some SQLEncodable)?) { appendInterpolation(value.sqlValue) }

        /// Another statement with its parameters.
        public mutating func appendInterpolation(_ part: SQLQuery) {
            appendLiteral(part.fragments[0])
            query.fragments += part.fragments.dropFirst()
            query.values += part.values
        }

        /// SQL itself, such as the name of a column: never what a stranger has sent.
        public mutating func appendInterpolation(unescaped text: String) { appendLiteral(text) }
    }
}
