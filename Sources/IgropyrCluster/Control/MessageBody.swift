internal import IgropyrHTTP

/// A request's body that is one message, collected up to a limit.
struct MessageBody {
    let limitBytes: Int
    private(set) var bytes: [UInt8] = []

    init(limitBytes: Int) { self.limitBytes = limitBytes }

    /// - Returns: the refusal of a body that is too long; none of these bytes is kept then.
    mutating func take(_ piece: RawSpan) -> ControlReply? {
        guard bytes.count + piece.byteCount <= limitBytes else {
            return .refusal(413, "the request's body has more than \(limitBytes) bytes")
        }
        bytes += piece.array(in: 0..<piece.byteCount)
        return nil
    }
}
