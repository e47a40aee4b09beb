public import HTTPTypes

extension ResponseConvertible {
    /// The response that this makes, with a field more.
    ///
    /// ```swift
    /// return JSON(book, status: .created).with(.location, "/books/\(book.id)")
    /// ```
    public func with(_ name: HTTPField.Name, _ value: String) -> some ResponseConvertible {
        WithField(content: self, name: name, value: value)
    }
}

private struct WithField<Content: ResponseConvertible>: ResponseConvertible {
    let content: Content
    let name: HTTPField.Name
    let value: String

    func makeResponse(for request: Request) throws -> Response {
        try content.makeResponse(for: request).with(name, value)
    }
}
