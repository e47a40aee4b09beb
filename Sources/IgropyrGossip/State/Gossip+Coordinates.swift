internal import IgropyrTime

/// Network coordinates: how far members are from each other, without asking them.
extension Gossip {
    /// Where we stand.
    public var coordinate: NetworkCoordinate { coordinates.own }

    /// Of members that answered a ping of ours and told theirs, and our own.
    public var knownCoordinates: [String: NetworkCoordinate] {
        coordinates.others.merging([name: coordinates.own]) { $1 }
    }

    mutating func learnCoordinate(from ack: Ack, at now: Timestamp) {
        do throws(WireError) { try coordinates.handleAck(ack, at: now, using: &random) } catch { counters.count(error) }
    }
}
