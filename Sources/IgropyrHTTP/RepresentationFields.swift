/// What a request's fields say about the representation it wants: conditions, ranges, codings. Found in one pass.
public struct RepresentationFields: Sendable {
    public private(set) var preconditions = Preconditions()
    /// The value of `Range`; nil also if the field comes twice, which makes it invalid.
    public private(set) var range: String?
    /// Nil if the request has no `Accept-Encoding`: it would take anything, and what has no coding before all.
    public private(set) var acceptedCodings: AcceptedCodings?

    private var rangeLines = 0
    private var modifiedSinceLines = 0
    private var unmodifiedSinceLines = 0
    private var ifRangeLines = 0

    /// `bytes` are the head's.
    public init(_ head: MessageHead, in bytes: RawSpan) {
        head.forEachField(in: bytes) { name, value in
            // All the names begin with I, R or A: one look rules out most others.
            switch bytes.byte(at: name.lowerBound).lowercased {
            case UInt8(ascii: "i"): addCondition(name, value, in: bytes)
            case UInt8(ascii: "r"):
                guard bytes.equals("range", in: name) else { return }
                rangeLines += 1
                range = rangeLines == 1 ? bytes.string(in: value) : nil
            case UInt8(ascii: "a"):
                guard bytes.equals("accept-encoding", in: name) else { return }
                var codings = acceptedCodings ?? AcceptedCodings()
                codings.add(value, in: bytes)
                acceptedCodings = codings
            default: return
            }
        }
    }

    /// Leaves out what it says of a part or of codings.
    public mutating func askForWhole() {
        range = nil
        preconditions.ifRange = nil
        acceptedCodings = nil
    }

    /// Tags in several field lines are one list. A date that comes twice, or is none, counts for nothing (RFC 9110
    /// §13.1.3).
    private mutating func addCondition(_ name: Range<Int>, _ value: Range<Int>, in bytes: RawSpan) {
        if bytes.equals("if-none-match", in: name) {
            let condition = EntityTagCondition(bytes.string(in: value))
            preconditions.ifNoneMatch = preconditions.ifNoneMatch?.joined(with: condition) ?? condition
        } else if bytes.equals("if-modified-since", in: name) {
            modifiedSinceLines += 1
            preconditions.ifModifiedSince = modifiedSinceLines == 1 ? HTTPDate(bytes.string(in: value)) : nil
        } else if bytes.equals("if-match", in: name) {
            let condition = EntityTagCondition(bytes.string(in: value))
            preconditions.ifMatch = preconditions.ifMatch?.joined(with: condition) ?? condition
        } else if bytes.equals("if-unmodified-since", in: name) {
            unmodifiedSinceLines += 1
            preconditions.ifUnmodifiedSince = unmodifiedSinceLines == 1 ? HTTPDate(bytes.string(in: value)) : nil
        } else if bytes.equals("if-range", in: name) {
            ifRangeLines += 1
            preconditions.ifRange = ifRangeLines == 1 ? RangeCondition(bytes.string(in: value)) : .invalid
        }
    }
}
