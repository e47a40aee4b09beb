/// How workers of one revision are replaced by those of the next, and when the old revision comes back.
///
/// The names are those of Kubernetes' deployments and Nomad's `update` block.
public struct UpdatePolicy: Hashable, Sendable {
    /// A part of an application's workers: so many, or so many per cent.
    public enum Share: Hashable, Sendable {
        case count(Int)
        case percent(Int)
    }

    /// Slots that may be without a worker at a time: there the old one ends before the new one starts. Per cent round
    /// down.
    public var maxUnavailable = Share.count(0)
    /// Slots that may have two workers at a time: there the new one starts beside the old one. Per cent round up.
    public var maxSurge = Share.percent(25)
    /// So many slots are replaced first, and the others wait until those are found good; 0: none is first.
    public var canary = 0
    /// For how long the canaries must stay healthy before the others follow; nil: until an operator promotes them.
    public var canaryHoldMilliseconds: Int?
    /// How long a new worker has until it is ready: its first start and all repetitions.
    public var healthDeadlineMilliseconds = 60_000
    /// How long a new worker must stay ready, without a restart, before its predecessor goes and the next slot follows.
    public var minimumHealthyMilliseconds = 1000
    /// Whether a new worker that fails brings the last revision back that stood.
    public var rollsBack = true

    public init() {}

    /// How many of `count` slots may have two workers, and how many none; at least one of either.
    public func window(of count: Int) -> (surge: Int, unavailable: Int) {
        let unavailable = maxUnavailable.of(count, roundingUp: false)
        let surge = maxSurge.of(count, roundingUp: true)
        return surge + unavailable == 0 ? (1, 0) : (surge, unavailable)
    }

    /// What a new worker has to show.
    public func limits(isCanary: Bool = false) -> HealthGate.Limits {
        let hold = isCanary ? canaryHoldMilliseconds ?? 0 : 0
        return HealthGate.Limits(
            readyWithin: .milliseconds(healthDeadlineMilliseconds),
            healthyFor: .milliseconds(max(hold, minimumHealthyMilliseconds)))
    }
}

extension UpdatePolicy.Share {
    fileprivate func of(_ count: Int, roundingUp: Bool) -> Int {
        switch self {
        case .count(let number): min(number, count)
        case .percent(let number): (count * number + (roundingUp ? 99 : 0)) / 100
        }
    }
}

extension UpdatePolicy.Share: CustomStringConvertible {
    public var description: String {
        switch self {
        case .count(let number): "\(number)"
        case .percent(let number): "\(number)%"
        }
    }

    /// Reads `2` and `25%`, up to 1000 workers and 100 %.
    public init?(_ text: String) {
        let isPercent = text.hasSuffix("%")
        let digits = isPercent ? text.dropLast() : text[...]
        guard (1...4).contains(digits.utf8.count), digits.utf8.allSatisfy(\.isDigit), let number = Int(digits),
            number <= (isPercent ? 100 : Placement.maximumTotal)
        else { return nil }
        self = isPercent ? .percent(number) : .count(number)
    }
}

/// As text.
extension UpdatePolicy.Share: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let share = Self(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "a number or a percentage is needed")
        }
        self = share
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

/// What is missing has its default, so that later editions may say more.
extension UpdatePolicy: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init()
        maxUnavailable = try container.decodeIfPresent(Share.self, forKey: .maxUnavailable) ?? maxUnavailable
        maxSurge = try container.decodeIfPresent(Share.self, forKey: .maxSurge) ?? maxSurge
        canary = try container.decodeIfPresent(Int.self, forKey: .canary) ?? canary
        canaryHoldMilliseconds = try container.decodeIfPresent(Int.self, forKey: .canaryHoldMilliseconds)
        healthDeadlineMilliseconds =
            try container.decodeIfPresent(Int.self, forKey: .healthDeadlineMilliseconds) ?? healthDeadlineMilliseconds
        minimumHealthyMilliseconds =
            try container.decodeIfPresent(Int.self, forKey: .minimumHealthyMilliseconds) ?? minimumHealthyMilliseconds
        rollsBack = try container.decodeIfPresent(Bool.self, forKey: .rollsBack) ?? rollsBack
    }
}

extension UpdatePolicy {
    func validate(_ validation: Validation) throws(Refusal) {
        try validation.require(
            maxUnavailable != .count(0) || maxSurge != .count(0), .malformed,
            "max-unavailable and max-surge are both 0: nothing could ever be replaced")
        try validation.requireRange(canary, 0...Placement.maximumTotal, "the number of canaries")
        try validation.requireRange(
            canaryHoldMilliseconds ?? 0, 0...StateLimits.durationMilliseconds, "the canaries' hold time")
        try validation.requireRange(
            healthDeadlineMilliseconds, 1...StateLimits.durationMilliseconds, "the health deadline")
        try validation.requireRange(
            minimumHealthyMilliseconds, 0...StateLimits.durationMilliseconds, "the minimum healthy time")
    }

    func appendCanonically(to canonical: inout CanonicalBytes) {
        canonical.append([maxUnavailable.description, maxSurge.description])
        for number in [
            canary, canaryHoldMilliseconds ?? -1, healthDeadlineMilliseconds, minimumHealthyMilliseconds,
            rollsBack ? 1 : 0,
        ] { canonical.append(number) }
    }
}
