internal import IgropyrTime

/// Network coordinates: how far members are from each other, without asking them.
extension Gossip {
    /// Of members that answered a ping of ours and told theirs, and our own.
    public var knownCoordinates: [String: NetworkCoordinate] {
        coordinates.others.merging([name: coordinates.own]) { $1 }
    }

    private static let coordinateInterval = Duration.seconds(1)

    /// A small cluster pings often: there, one ack a second with our coordinate, which is larger than the rest of it,
    /// is enough. Which one, chance decides: members ping in step, so whoever asks at a time of ours would always be
    /// the same.
    mutating func ackPayload() -> [UInt8]? {
        guard delegate.isSerf else { return nil }
        if let smallCluster {
            let share = smallCluster.probeInterval / Self.coordinateInterval
            guard Double.random(in: 0..<1, using: &random) < share else { return nil }
        }
        return coordinates.own.ackPayload
    }

    mutating func learnCoordinate(from ack: Ack, at now: Timestamp) {
        do throws(WireError) { try coordinates.handleAck(ack, at: now, using: &random) } catch { counters.count(error) }
    }
}
