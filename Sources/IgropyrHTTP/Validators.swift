/// What tells one version of a representation from another (RFC 9110 §8.8): its entity tag, the time of its last
/// change, or both.
public struct Validators: Sendable, Hashable {
    public var entityTag: EntityTag?
    /// What happened since in the same second, the client cannot see.
    public var lastModified: HTTPDate?

    public init(entityTag: EntityTag? = nil, lastModified: HTTPDate? = nil) {
        self.entityTag = entityTag
        self.lastModified = lastModified
    }
}
