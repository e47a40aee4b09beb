public import IgropyrDatabase

/// What tests ask of a database's errors; nil for one of another kind.
extension DatabaseError {
    public var answer: ServerError? { if case .server(let error) = self { error } else { nil } }
    public var connectFailure: String? { if case .cannotConnect(let reason) = self { reason } else { nil } }
    public var denial: String? { if case .accessDenied(let reason) = self { reason } else { nil } }
    public var loss: String? { if case .connectionLost(let reason) = self { reason } else { nil } }
}
