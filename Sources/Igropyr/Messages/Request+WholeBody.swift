internal import IgropyrHTTP

extension Request {
    /// Has what is further in, handlers and files, answer with the whole body as it is: what the client says of a range
    /// and of codings (`Range`, `If-Range`, `Accept-Encoding`) is hidden from it. For middleware that will map the body
    /// (``Response/mapBody(length:_:atEnd:)``), before it lets the request go on; the application's compression still
    /// knows what the client takes. Not for what it will never map: a browser plays no film without ranges.
    public func askForWholeBody() { isForWholeBody = true }

    private static let partFields = ["range", "if-range", "accept-encoding"]

    func isHidden(_ name: String) -> Bool { isForWholeBody && Self.partFields.contains(name.lowercased()) }

    /// Of the head's `bytes`.
    func isHidden(_ name: Range<Int>, in bytes: RawSpan) -> Bool {
        isForWholeBody && Self.partFields.contains { bytes.matches($0, in: name) }
    }

    /// What it asks of the representation; read anew at each call.
    var representationFields: RepresentationFields {
        var fields = allRepresentationFields
        if isForWholeBody { fields.askForWhole() }
        return fields
    }

    /// What the client takes, whatever is hidden.
    var acceptedCodings: AcceptedCodings? { allRepresentationFields.acceptedCodings }

    private var allRepresentationFields: RepresentationFields {
        withBytes { bytes in RepresentationFields(head, in: bytes) }
    }
}
