/// What a listener reads of a ``TopicHub``: some lines at a time, with line ends between them. It is a listener for as
/// long as anybody has this.
struct TopicLines: AsyncSequence, Sendable {
    fileprivate final class Place: Sendable {
        let hub: TopicHub
        let number: Int

        init(_ hub: TopicHub, _ number: Int) {
            self.hub = hub
            self.number = number
        }

        deinit {
            let (hub, number) = (hub, number)
            Task { await hub.close(number) }
        }
    }

    struct Iterator: AsyncIteratorProtocol {
        fileprivate let place: Place

        func next() async -> [UInt8]? { await place.hub.read(for: place.number) }
    }

    private let place: Place

    init(of hub: TopicHub, _ number: Int) { place = Place(hub, number) }

    func makeAsyncIterator() -> Iterator { Iterator(place: place) }
}
