@testable import Igropyr

/// A stream of Server-Sent Events: how large its pieces are, then the stream. It gives the same events however it is
/// cut, none beyond the limit, and what is written of them anew reads as the same.
enum EventStreamTarget: FuzzTarget {
    static let name = "event-stream"
    private static let limit = 512

    static func run(_ input: [UInt8]) {
        var input = Input(input)
        let step = Int(input.byte()) + 1
        let stream = Array(input.rest)
        let events = read(stream, by: max(1, stream.count))
        require(read(stream, by: step) == events && read(stream, by: 1) == events, "it depends on the pieces")
        guard let events else { return }
        for event in events {
            require(event.data.utf8.count <= 3 * limit)  // What is no UTF-8 is replaced, by three bytes for one.
            // Neither what browsers replace on their way nor ids of events before are to be had back.
            let again = read(Array(event.text.utf8), by: step, limit: 4 * limit)
            require(again == [event], "an event is written as another")
        }
    }

    /// Nil if an event is too large.
    private static func read(_ stream: [UInt8], by step: Int, limit: Int = limit) -> [ServerSentEvent]? {
        var parser = EventStreamParser(limitBytes: limit)
        var events: [ServerSentEvent] = []
        var rest = stream[...]
        while !rest.isEmpty {
            var piece = rest.prefix(step)
            rest = rest.dropFirst(step)
            do {
                while let event = try parser.next(in: &piece) { events.append(event) }
            } catch { return nil }
            require(piece.isEmpty, "bytes are left")
        }
        return events
    }
}
