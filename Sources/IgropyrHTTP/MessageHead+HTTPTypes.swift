public import HTTPTypes

/// The ecosystem's message types, made when somebody asks for them. They cannot trap on a checked head: a name is a token,
/// so no pseudo-header, a status has three digits, and limits hold the fields below 65 535.
extension MessageHead {
    /// All fields, `Host` too.
    public func httpFields(in bytes: RawSpan) -> HTTPFields {
        FieldIterator(fields).httpFields(in: bytes)
    }

    /// The request; its path is as sent, with the query, and `/` for an absolute target without one. `Host` is not among
    /// its fields, but in its authority.
    public func httpRequest(in bytes: RawSpan, scheme: String) -> HTTPRequest {
        guard let method = HTTPRequest.Method(bytes.string(in: methodName)) else {
            preconditionFailure("these are not the bytes that the head was read from")
        }
        var fields = httpFields(in: bytes)
        fields.removeAll { $0.name.canonicalName == "host" }
        return HTTPRequest(
            method: method, scheme: scheme,
            authority: authority.map { bytes.string(in: $0) }, path: pathAndQuery(in: bytes),
            headerFields: fields)
    }

    /// The response, with its reason phrase.
    public func httpResponse(in bytes: RawSpan) -> HTTPResponse {
        HTTPResponse(
            status: HTTPResponse.Status(code: status, reasonPhrase: bytes.string(in: reason)),
            headerFields: httpFields(in: bytes))
    }

    private func pathAndQuery(in bytes: RawSpan) -> String? {
        guard targetForm != .authority else { return nil }
        let path = path.isEmpty ? "/" : bytes.string(in: path)
        return query.map { "\(path)?\(bytes.string(in: $0))" } ?? path
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

extension HTTPSerializer {
    /// The fields of `fields`, in their order and byte for byte, but for `Content-Length` and `Transfer-Encoding`: the
    /// framing has one author, ``appendFraming(_:)``.
    public mutating func appendFields(_ fields: HTTPFields) throws(Failure) {
        try appendFields(fields, isRequest: false)
    }

    private mutating func appendFields(_ fields: HTTPFields, isRequest: Bool) throws(Failure) {
        for field in fields {
            switch field.name.canonicalName {
            case "content-length", "transfer-encoding": continue
            case "host" where isRequest: continue
            default: break
            }
            let name = field.name.rawName.utf8.span
            let failure = unsafe field.withUnsafeBytesOfValue { value -> Failure? in
                // The span lives as long as this closure, and so do the bytes.
                let bytes = unsafe UnsafeRawBufferPointer(value).bytes
                do throws(Failure) { try unsafe appendField(name: name.bytes, value: bytes) } catch { return error }
                return nil
            }
            if let failure { throw failure }
        }
    }

    /// The request line, `Host` and the fields of `request`; framing and ``endHead()`` are left to the caller. A path of
    /// nil means `/`; a `Host` among the fields gives way to the authority.
    public mutating func beginRequest(_ request: HTTPRequest) throws(Failure) {
        let method = request.method.rawValue.utf8.span
        let target = (request.path ?? "/").utf8.span
        try unsafe beginRequest(method: method.bytes, target: target.bytes)
        if let authority = request.authority { try appendField("Host", authority) }
        try appendFields(request.headerFields, isRequest: true)
    }
}
