/// What the agent answers to a request whose answer may be a stream: one reply, or lines as they come.
enum ControlAnswer: Sendable {
    case reply(ControlReply)
    /// Each is JSON, without a line end behind the last.
    case lines(first: [UInt8], rest: any AsyncSequence<[UInt8], Never> & Sendable, last: [UInt8]?)
}
