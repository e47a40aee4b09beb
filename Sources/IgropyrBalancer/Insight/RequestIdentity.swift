import IgropyrHTTP

/// By what names the logs of all who have to do with a request know it: its trace, and its `X-Request-ID`.
///
/// On the heap, since mostly nobody asks: it would make every exchange larger, and for the alignment of its numbers
/// slower to allocate.
final class RequestIdentity {
    /// The client's, or a new one; nil if neither.
    private(set) var trace: TraceContext?
    /// The worker gets ``trace`` in place of what the client sent.
    private(set) var startsTrace = false
    /// A new one that the worker gets; nil if the client sent one, which goes on as it is, or none is wanted.
    private(set) var newRequestID: String?

    /// Looks through the fields; more than one `traceparent` is none.
    init(_ head: MessageHead, _ bytes: RawSpan, _ settings: InsightSettings) {
        let text = Span<UInt8>(_bytes: bytes)
        var parents = 0
        var hasRequestID = false
        var fields = FieldIterator(head.fields)
        while let (name, value) = fields.next(in: bytes) {
            switch name.count {
            case 11 where bytes.matches("traceparent", in: name):
                parents += 1
                trace = parents == 1 ? TraceContext(text.extracting(value)) : nil
            case 12 where bytes.matches("x-request-id", in: name): hasRequestID = hasRequestID || !value.isEmpty
            default: break
            }
        }
        if settings.startsTraces, trace == nil {
            trace = TraceContext()
            startsTrace = true
        }
        if settings.addsRequestIDs, !hasRequestID { newRequestID = TraceContext().traceIDText }
    }

    /// Whether the worker gets the client's field no more.
    func replaces(_ name: Range<Int>, in bytes: RawSpan) -> Bool {
        switch name.count {
        case 10: startsTrace && bytes.matches("tracestate", in: name)
        case 11: startsTrace && bytes.matches("traceparent", in: name)
        case 12: newRequestID != nil && bytes.passesFor("x-request-id", in: name)
        default: false
        }
    }

    func write(to output: inout HTTPSerializer) throws(HTTPSerializer.Failure) {
        if startsTrace, let trace { try output.appendField("traceparent", trace.fieldValue) }
        if let newRequestID { try output.appendField("X-Request-ID", newRequestID) }
    }
}
