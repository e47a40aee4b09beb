/// Where a member stands in a space whose distances are round-trip times: Vivaldi's, as Serf has it, in eight
/// dimensions and a height, which stands for the way from the host to the network. All numbers are seconds, but for the
/// error.
public struct NetworkCoordinate: Hashable, Sendable {
    public static let dimensions = SIMD8<Double>.scalarCount
    /// Nobody is farther from anybody; what claims to be is ignored.
    private static let limit = 60.0
    static let worstError = 1.5
    static let leastHeight = 1e-5
    private static let zeroThreshold = 1e-6

    public internal(set) var vector = SIMD8<Double>.zero
    /// How little it is to be trusted: 1.5 at first, near 0 in the end.
    public internal(set) var error = worstError
    public internal(set) var height = leastHeight
    /// What the space cannot express, to be added to each distance.
    public internal(set) var adjustment = 0.0

    /// Where everybody begins.
    public init() {}

    /// The round trip between the two, as far as they know.
    public func roundTrip(to other: NetworkCoordinate) -> Duration { .seconds(distance(to: other)) }

    func distance(to other: NetworkCoordinate) -> Double {
        let raw = rawDistance(to: other)
        let adjusted = raw + (adjustment + other.adjustment)
        return adjusted > 0 ? adjusted : raw
    }

    func rawDistance(to other: NetworkCoordinate) -> Double {
        // So summed, it is the same from both sides.
        Self.magnitude(vector - other.vector) + (height + other.height)
    }

    private static func magnitude(_ vector: SIMD8<Double>) -> Double { (vector * vector).sum().squareRoot() }

    /// Moves away from `other`, or towards it if `force` is negative.
    mutating func apply(_ force: Double, from other: NetworkCoordinate, using random: inout RandomSource) {
        var direction = vector - other.vector
        var length = Self.magnitude(direction)
        let isApart = length > Self.zeroThreshold
        if !isApart {  // Anywhere, as long as they part.
            for index in direction.indices { direction[index] = Double.random(in: -0.5..<0.5, using: &random) }
            length = Self.magnitude(direction)
        }
        guard length > 0 else { return }
        vector += direction / length * force
        if isApart { height = max(Self.leastHeight, (height + other.height) * force / length + height) }
    }

    /// Whether it can be somebody's: finite numbers in bounds.
    var isPlausible: Bool {
        let isNear = { (number: Double) in number.isFinite && abs(number) <= Self.limit }
        return vector.indices.allSatisfy { isNear(vector[$0]) } && isNear(adjustment) && isNear(height) && height >= 0
            && isNear(error) && error >= 0
    }
}

// MARK: - The payload of an ack

extension NetworkCoordinate {
    private static let version: UInt8 = 1

    /// Nil for another version than ours, which is to be ignored.
    init?(ackPayload payload: [UInt8]) throws(WireError) {
        guard payload.first == Self.version else { return nil }
        self.init()
        var reader = MessagePackReader(payload, from: 1)
        try reader.readRecord(["Vec", "Error", "Adjustment", "Height"]) { (field, reader) throws(WireError) in
            switch field {
            case 0:
                guard try reader.readArrayHeader() == Self.dimensions else { throw .outOfRange }
                for index in 0..<Self.dimensions { vector[index] = try reader.readDouble() }
            case 1: error = try reader.readDouble()
            case 2: adjustment = try reader.readDouble()
            default: height = try reader.readDouble()
            }
        }
        guard isPlausible else { throw .outOfRange }
    }

    var ackPayload: [UInt8] {
        var writer = MessagePackWriter(messageType: Self.version)
        writer.writeMapHeader(4)
        writer.field("Adjustment", adjustment)
        writer.field("Error", error)
        writer.field("Height", height)
        writer.key("Vec")
        writer.writeArrayHeader(Self.dimensions)
        for index in vector.indices { writer.write(vector[index]) }
        return writer.bytes
    }
}
