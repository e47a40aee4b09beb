extension MetaVariables {
    /// `environment` is what the administrator gives, and gives way; `bodyBytes` is nil without a body; `root` is the
    /// document root as the program sees it.
    init(_ call: FileRequest, root: String, environment: [String: String], bodyBytes: Int?) {
        let (own, fields) = (RequestVariables(call, root: root, bodyBytes: bodyBytes), FieldVariables(of: call))
        self.init(upTo: own.limitBytes + fields.limitBytes) { output in
            own.append(to: &output)
            fields.append(to: &output)
        }
        if !environment.isEmpty { append(environment, besides: own) }
    }

    /// Apart, so that the frame of the task that asks for it, which is on the heap, stays small.
    @inline(never)
    init(_ call: FileRequest, _ settings: GatewaySettings, bodyBytes: Int?) {
        self.init(
            call, root: settings.root ?? call.root, environment: settings.environment, bodyBytes: bodyBytes)
    }

    /// Of variables that the request lacks, none is to come from elsewhere. `HTTP_PROXY` never is.
    private mutating func append(_ environment: [String: String], besides own: RequestVariables) {
        var names = own.names.union(["HTTP_PROXY"])
        forEach { name, _ in names.insert(text(name)) }
        for (name, value) in environment where !names.contains(name) {
            if let value = RequestVariables.withoutNUL(value) { append(name, value) }
        }
    }
}
