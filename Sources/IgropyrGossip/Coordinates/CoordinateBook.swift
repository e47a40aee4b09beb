internal import IgropyrTime

/// Our own coordinate, moved by each ack that tells its sender's, and those of the others as they were told last.
struct CoordinateBook: Sendable {
    /// How much one measurement counts (VivaldiCC and VivaldiCE).
    private static let tuning = 0.25
    private static let leastRoundTrip = 1e-6
    private static let longestRoundTrip = Duration.seconds(10)
    private static let adjustmentWindow = 20
    private static let latencyWindow = 3
    /// In seconds: how far from the origin the whole cluster may drift (GravityRho).
    private static let gravity = 150.0

    /// The direct ping that we wait for.
    private struct Measurement: Sendable {
        let node: String
        let sequence: UInt32
        let sentAt: Timestamp
    }

    private(set) var own = NetworkCoordinate()
    /// By member, those only that answered us.
    private(set) var others: [String: NetworkCoordinate] = [:]
    private var latencies: [String: [Double]] = [:]
    private var adjustments: [Double] = []
    private var nextAdjustment = 0
    private var measurement: Measurement?

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
        others[measurement.node] = coordinate
        move(by: coordinate, of: measurement.node, Double(roundTrip.nanosecondsClamped) / 1e9, using: &random)
    }

    mutating func forget(_ node: String) {
        others[node] = nil
        latencies[node] = nil
    }

    // MARK: - Vivaldi

    private mutating func move(
        by other: NetworkCoordinate, of node: String, _ roundTrip: Double, using random: inout RandomSource
    ) {
        let latency = max(Self.leastRoundTrip, median(roundTrip, of: node))
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

    /// Of the last few round trips: one that is late for no reason of the network does not count.
    private mutating func median(_ roundTrip: Double, of node: String) -> Double {
        let last = ((latencies[node] ?? []) + [roundTrip]).suffix(Self.latencyWindow)
        latencies[node] = Array(last)
        return last.sorted()[last.count / 2]
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
