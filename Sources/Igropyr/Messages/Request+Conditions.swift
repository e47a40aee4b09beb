internal import HTTPTypes
public import IgropyrHTTP

extension Request {
    /// What the request's conditions (`If-Match`, `If-None-Match` and their like, RFC 9110 §13) make of it, before
    /// anything is done: 304 if the client has the present version, 412 if it expects another one, nil if the request
    /// is to be carried out.
    ///
    /// ```swift
    /// app.get("/notes/:id") { request in
    ///     let note = try notes.find(request.parameters["id"])
    ///     let validators = Validators(entityTag: EntityTag("\(note.revision)"))
    ///     if let answer = request.conditionalAnswer(for: validators) { return answer }
    ///     return try JSON(note).makeResponse(for: request).with(validators)
    /// }
    /// ```
    ///
    /// `validators` are the present version's; nil if there is none, as before a PUT that creates.
    public func conditionalAnswer(for validators: Validators?) -> Response? {
        switch representationFields.preconditions.evaluate(head.method, validators) {
        case .proceed: nil
        case .notModified: validators.map { Response(.notModified).with($0) }
        case .failed: Response(.preconditionFailed)
        }
    }
}

extension Response {
    /// The same with `ETag` and `Last-Modified`.
    public func with(_ validators: Validators) -> Response {
        var response = self
        if let tag = validators.entityTag { response.fields[.eTag] = tag.description }
        if let modified = validators.lastModified { response.fields[.lastModified] = modified.text }
        return response
    }
}
