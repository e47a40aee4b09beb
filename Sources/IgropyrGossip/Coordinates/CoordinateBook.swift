internal import IgropyrTime

/// Our own coordinate, moved by each ack that tells its sender's, and those of the others as they were told last.
struct CoordinateBook: Sendable {
    /// How much one measurement counts (VivaldiCC and VivaldiCE).
    private static let tuning = 0.25
    private static let leastRoundTrip = 1e-6
    private static let longestRoundTrip = Duration.seconds(10)
    private static let adjustmentWindow = 20
    /// In seconds: how far from the origin the whole cluster may drift (GravityRho).
    private static let gravity = 150.0

    /// The direct ping that we wait for.
    private struct Measurement: Sendable {
        let node: String
        let sequence: UInt32
        let sentAt: Timestamp
    }

    /// Somebody who answered us.
    private struct Peer: Sendable {
        /// As told last.
        private(set) var coordinate = NetworkCoordinate()
        private var latencies = Latencies()

        /// Returns the round trip that counts, in seconds.
        mutating func note(_ coordinate: NetworkCoordinate, _ roundTrip: Duration) -> Double {
            self.coordinate = coordinate
            latencies.add(Double(roundTrip.nanosecondsClamped) / 1e9)
            return latencies.median
        }
    }

    private(set) var own = NetworkCoordinate()
    private var peers: [String: Peer] = [:]
    private var adjustments: [Double] = []
    private var nextAdjustment = 0
    private var measurement: Measurement?

    /// By member, those only that answered us.
    var others: [String: NetworkCoordinate] { peers.mapValues(\.coordinate) }

    mutating func didPing(_ node: String, sequence: UInt32, at now: Timestamp) {
        measurement = Measurement(node: node, sequence: sequence, sentAt: now)
    }

    /// An ack that came without the help of others. Throws for a payload that makes no sense.
    mutating func handleAck(_ ack: Ack, at now: Timestamp, using random: inout RandomSource) throws(WireError) {
        guard let measurement, measurement.sequence == ack.sequence else { return }
        self.measurement = nil
        guard let payload = ack.payload, let coordinate = try NetworkCoordinate(ackPayload: payload) else { return }
        let roundTrip = measurement.sentAt.duration(to: now)
        guard roundTrip <= Self.longestRoundTrip else { return }
        let median = peers[measurement.node, default: Peer()].note(coordinate, roundTrip)
        move(by: coordinate, median, using: &random)
    }

    mutating func forget(_ node: String) { peers[node] = nil }

    // MARK: - Vivaldi

    private mutating func move(
        by other: NetworkCoordinate, _ roundTrip: Double, using random: inout RandomSource
    ) {
        let latency = max(Self.leastRoundTrip, roundTrip)
        let distance = own.distance(to: other)
        let weight = own.error / max(Self.leastRoundTrip, own.error + other.error)
        let share = Self.tuning * weight
        let wrongness = abs(distance - latency) / latency
        own.error = min(NetworkCoordinate.worstError, share * wrongness + own.error * (1 - share))
        own.apply(share * (latency - distance), from: other, using: &random)
        adjust(by: latency - own.rawDistance(to: other))
        pullToOrigin(using: &random)
        if !own.isPlausible {
            own = NetworkCoordinate()
            adjustments = []
            nextAdjustment = 0
        }
    }

    private mutating func adjust(by difference: Double) {
        if adjustments.count < Self.adjustmentWindow {
            adjustments.append(difference)
        } else {
            adjustments[nextAdjustment] = difference
            nextAdjustment = (nextAdjustment + 1) % Self.adjustmentWindow
        }
        own.adjustment = adjustments.reduce(0, +) / Double(2 * Self.adjustmentWindow)
    }

    private mutating func pullToOrigin(using random: inout RandomSource) {
        let origin = NetworkCoordinate()
        let ratio = origin.distance(to: own) / Self.gravity
        own.apply(-ratio * ratio, from: origin, using: &random)
    }
}

/// The last three round trips to a member, in seconds. By their median, one that is late for no reason of the network
/// does not count.
private struct Latencies: Sendable {
    private var last: Double?
    private var second: Double?
    private var third: Double?

    mutating func add(_ roundTrip: Double) { (last, second, third) = (roundTrip, last, second) }

    /// Of two, the longer.
    var median: Double {
        guard let last, let second else { return last ?? 0 }
        let (shorter, longer) = (min(last, second), max(last, second))
        return third.map { max(shorter, min(longer, $0)) } ?? longer
    }
}
