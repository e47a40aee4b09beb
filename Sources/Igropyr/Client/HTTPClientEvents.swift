/// The events of a response (`text/event-stream`), as they come; for one reader. The server waits while nobody reads.
///
/// Of each, `id` is the last that the server has given so far, and `retry` what it has asked for since the event
/// before.
public struct HTTPClientEvents: AsyncSequence, Sendable {
    private let response: HTTPStreamedResponse

    init(_ response: HTTPStreamedResponse) { self.response = response }

    public struct AsyncIterator: AsyncIteratorProtocol {
        private let response: HTTPStreamedResponse
        private let pieces: HTTPClientBody.AsyncIterator
        private var parser: EventStreamParser
        private var rest: ArraySlice<UInt8> = []

        fileprivate init(_ response: HTTPStreamedResponse) {
            self.response = response
            pieces = response.body.makeAsyncIterator()
            parser = EventStreamParser(limitBytes: response.body.eventLimit)
        }

        /// - Throws: ``HTTPRequestFailure`` if the response is of another type or breaks off, or an event is larger
        ///   than ``HTTPClient/Settings/bodyLimit``; `CancellationError`.
        public mutating func next() async throws -> ServerSentEvent? {
            try response.checkIsOfEvents()
            do {
                while true {
                    if let event = try parser.next(in: &rest) { return event }
                    guard let piece = try await pieces.next() else { return nil }
                    rest = piece[...]
                }
            } catch is EventStreamParser.EventTooLarge {
                throw HTTPRequestFailure(response.body.url.told, .tooLarge, mayHaveBeenReceived: true)
            }
        }
    }

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(response) }
}

extension HTTPStreamedResponse {
    /// Its Server-Sent Events.
    ///
    /// ```swift
    /// try await client.stream(.get, "https://example.org/prices") { response in
    ///     for try await event in response.events { print(event.event ?? "message", event.data) }
    /// }
    /// ```
    public var events: HTTPClientEvents { HTTPClientEvents(self) }

    fileprivate func checkIsOfEvents() throws(HTTPRequestFailure) {
        let type = fields[.contentType] ?? "unknown"
        guard type.prefix(while: { $0 != ";" }).trimmedOfSpaces.lowercased() != "text/event-stream" else { return }
        let reason = "no events: its status is \(status.code), its type \(type), not text/event-stream"
        throw HTTPRequestFailure(body.url.told, .brokenResponse(reason), mayHaveBeenReceived: true)
    }
}
