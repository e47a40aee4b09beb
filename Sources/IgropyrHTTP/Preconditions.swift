/// The conditions that a request makes on the present version of what it is about (RFC 9110 §13).
public struct Preconditions: Sendable, Hashable {
    /// What the conditions demand.
    public enum Outcome: Sendable, Hashable {
        /// Do as if there were no conditions.
        case proceed
        /// Answer 304: the client has this version.
        case notModified
        /// Answer 412, and change nothing.
        case failed
    }

    public var ifMatch: EntityTagCondition?
    public var ifNoneMatch: EntityTagCondition?
    public var ifModifiedSince: HTTPDate?
    public var ifUnmodifiedSince: HTTPDate?
    public var ifRange: RangeCondition?

    public init() {}

    /// Weighs the conditions in the order of RFC 9110 §13.2.2, all but `If-Range`. Ask only if the answer without
    /// conditions would be a 2xx or 412 (§13.2.1). `validators` are the present version's; nil if there is none, as
    /// before a PUT that creates.
    public func evaluate(_ method: HTTPMethod, _ validators: Validators?) -> Outcome {
        guard method != .connect, method != .options, method != .trace else { return .proceed }
        let reads = method == .get || method == .head
        if let ifMatch {
            guard let validators, ifMatch.matchesStrongly(validators.entityTag) else { return .failed }
        } else if let ifUnmodifiedSince, let modified = validators?.lastModified {
            guard modified.seconds <= ifUnmodifiedSince.seconds else { return .failed }
        }
        if let ifNoneMatch {
            guard let validators, ifNoneMatch.matchesWeakly(validators.entityTag) else { return .proceed }
            return reads ? .notModified : .failed
        }
        if reads, let ifModifiedSince, let modified = validators?.lastModified {
            return modified.seconds <= ifModifiedSince.seconds ? .notModified : .proceed
        }
        return .proceed
    }

    /// Whether a part of the present version fits to what the client has of another (RFC 9110 §13.1.5). If not, ignore
    /// `Range`. `now` is the server's time in seconds since 1970: a date in its very second is no strong validator,
    /// since there may be another change without another date.
    public func allowsRange(_ validators: Validators, now: Int64) -> Bool {
        switch ifRange {
        case nil: true
        case .tag(let tag): validators.entityTag.map(tag.matchesStrongly) ?? false
        case .date(let date): validators.lastModified.map { $0 == date && date.seconds < now } ?? false
        case .invalid: false
        }
    }
}

/// What `If-Range` holds.
public enum RangeCondition: Sendable, Hashable {
    case tag(EntityTag)
    case date(HTTPDate)
    /// Neither: no version can be meant.
    case invalid

    public init(_ value: String) {
        if let tag = EntityTag(parsing: value) {
            self = .tag(tag)
        } else {
            self = HTTPDate(value).map { .date($0) } ?? .invalid
        }
    }
}
