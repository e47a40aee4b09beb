public import HTTPTypes

/// A page or a part of one, in UTF-8. What is put into a literal is text, and escaped; other ``HTML`` goes in as it is.
///
/// ```swift
/// app.get("/books") { _ async throws in
///     let rows = try await books.all().map { book in HTML("<li title=\"\(book.author)\">\(book.title)</li>") }
///     return HTML("<!doctype html><title>Books</title><ul>\(rows)</ul>")
/// }
/// ```
///
/// Escaped text is safe between tags and in attributes within quotation marks; not in scripts and styles, and as the
/// URL of a link only if it cannot be a `javascript:` one.
public struct HTML: ResponseConvertible, Sendable {
    public var text: String
    public var status: HTTPResponse.Status

    /// A literal as a page, or a page with another status.
    public init(_ page: HTML, status: HTTPResponse.Status = .ok) {
        text = page.text
        self.status = status
    }

    /// Text that is HTML already, such as a template's. What came from elsewhere must be escaped in it
    /// (``Swift/String/escapedForHTML``).
    public init(unescaped text: String, status: HTTPResponse.Status = .ok) {
        self.text = text
        self.status = status
    }

    @available(*, unavailable, message: "escape text by a literal, HTML(\"\\(text)\"); text that is HTML: unescaped:")
    public init(_ text: String, status: HTTPResponse.Status = .ok) { self.init(unescaped: text, status: status) }

    public func makeResponse(for request: Request) -> Response { response }

    var response: Response { Response(status, text: text, contentType: "text/html; charset=utf-8") }
}

extension HTML: ExpressibleByStringInterpolation {
    public init(stringLiteral text: String) { self.init(unescaped: text) }

    public init(stringInterpolation parts: StringInterpolation) { self.init(unescaped: parts.text) }

    public struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var text = ""

        public init(literalCapacity: Int, interpolationCount: Int) { text.reserveCapacity(literalCapacity) }

        public mutating func appendLiteral(_ literal: String) { text += literal }

        public mutating func appendInterpolation(_ value: some CustomStringConvertible) {
            text += value.description.escapedForHTML
        }

        public mutating func appendInterpolation(_ part: HTML) { text += part.text }

        /// One after the other.
        public mutating func appendInterpolation(_ parts: [HTML]) { for part in parts { text += part.text } }

        /// Nothing for nil.
        public mutating func appendInterpolation(_ part: HTML?) { text += part?.text ?? "" }

        /// HTML that comes as text.
        public mutating func appendInterpolation(unescaped text: String) { self.text += text }
    }
}

extension String {
    /// As it stands for itself in HTML, between tags and in attributes within quotation marks: `&`, `<`, `>`, `"` and
    /// `'` are written as entities.
    public var escapedForHTML: String {
        var escaped = ""
        for character in unicodeScalars {  // A combining mark behind a quote does not hide it.
            switch character {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            default: escaped.unicodeScalars.append(character)
            }
        }
        return escaped
    }
}
