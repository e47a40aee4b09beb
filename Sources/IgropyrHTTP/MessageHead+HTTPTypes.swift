public import HTTPTypes

/// The ecosystem's fields, made when somebody asks for them. They cannot trap on a checked head: a name is a token, so
/// no pseudo-header, and limits hold the fields below 65 535.
extension MessageHead {
    /// All fields, `Host` too.
    public func httpFields(in bytes: RawSpan) -> HTTPFields {
        FieldIterator(fields).httpFields(in: bytes)
    }
}

extension FieldIterator {
    /// The fields from here on as a collection. Its `subscript(name)` joins repeated ones with commas.
    public func httpFields(in bytes: RawSpan) -> HTTPFields {
        var iterator = self
        var fields = HTTPFields()
        while let field = iterator.next(in: bytes) {
            guard let name = HTTPField.Name(bytes.string(in: field.name)) else { continue }
            fields.append(HTTPField(name: name, value: bytes.array(in: field.value)))
        }
        return fields
    }
}

extension TrailerFields {
    /// Adds those of `fields` that may stand there.
    public mutating func append(_ fields: HTTPFields) throws(HTTPSerializer.Failure) {
        for field in fields { try append(field.name.rawName, field.value) }
    }
}
