internal import IgropyrOrchestration

/// What a cluster of the simulation runs.
struct SimulatedApplication: Hashable {
    /// How a revision's workers behave.
    enum Character: Int, CaseIterable {
        case good
        /// Ends before it is ready.
        case exits
        /// Ends soon after it was ready.
        case crashes
    }

    static let all = [SimulatedApplication(name: "each", isPerHost: true), .init(name: "total", isPerHost: false)]

    let name: ApplicationName
    private let isPerHost: Bool

    private init(name: String, isPerHost: Bool) {
        guard let name = ApplicationName(rawValue: name) else { preconditionFailure("\(name) is no name") }
        (self.name, self.isPerHost) = (name, isPerHost)
    }

    func scale(_ number: Int) -> DeploymentSpec.Scale { isPerHost ? .perHost(1 + number % 2) : .total(2 + number % 4) }

    /// A revision of its own for each number.
    func spec(of character: Character, number: Int) throws -> DeploymentSpec {
        let hex = String(number, radix: 16)
        let digest = "\(character.rawValue)" + String(repeating: "0", count: 63 - hex.count) + hex
        let route = try Route(pathPrefix: isPerHost ? "/" : "/total")
        guard let revision = BundleDigest(rawValue: digest) else { preconditionFailure("\(digest) is no digest") }
        return DeploymentSpec(
            revision: revision, kind: .executable(entry: "worker"), scale: scale(0), route: route,
            stopTimeoutMilliseconds: 5000, startTimeoutMilliseconds: 10_000)
    }
}

extension BundleDigest {
    var character: SimulatedApplication.Character {
        rawValue.first.flatMap(\.wholeNumberValue).flatMap(SimulatedApplication.Character.init) ?? .good
    }
}
