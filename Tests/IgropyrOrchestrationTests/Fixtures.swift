import IgropyrOrchestration

// Literals of names known to be valid; a wrong one ends the test.

extension ApplicationName: ExpressibleByStringLiteral {
    public init(stringLiteral text: String) { self = ApplicationName(rawValue: text)! }
}

extension HostName: ExpressibleByStringLiteral {
    public init(stringLiteral text: String) { self = HostName(rawValue: text)! }
}

extension CertificateName: ExpressibleByStringLiteral {
    public init(stringLiteral text: String) { self = CertificateName(rawValue: text)! }
}

extension BundleDigest {
    /// 64 times the digit.
    static func of(_ digit: Character) -> BundleDigest { BundleDigest(rawValue: String(repeating: digit, count: 64))! }
}

/// An arbitrary day in 2025.
let day = UnixTime(milliseconds: 1_750_000_000_000)

func spec(
    _ digit: Character = "a", scale: DeploymentSpec.Scale = .perHost(1), constraints: [String: String] = [:],
    route: Route = .everything
) -> DeploymentSpec {
    DeploymentSpec(
        revision: .of(digit), kind: .executable(entry: "bin/app"), scale: scale, constraints: constraints, route: route)
}

func host(_ name: HostName, capacity: UInt16 = 4, tags: [String: String] = [:]) -> Placement.Host {
    Placement.Host(name: name, capacity: capacity, tags: tags)
}

func record(_ name: HostName, epoch: Int64 = 1, counter: Int64 = 0, workers: [WorkerRecord] = []) -> HostRecord {
    HostRecord(
        name: name, version: .init(epoch: epoch, counter: counter), address: "10.0.0.1", controlPort: 7947, cores: 4,
        workers: workers)
}

func worker(
    _ application: ApplicationName, _ index: Int = 0, revision: Character = "a", port: UInt16 = 9000,
    state: WorkerRecord.State = .ready
) -> WorkerRecord {
    WorkerRecord(
        application: application, index: index, revision: .of(revision), address: "10.0.0.1", port: port, state: state)
}

func content(_ box: Character = "a") -> Certificate.Content {
    Certificate.Content(
        sealed: SealedValue(version: "1", key: "k", box: String(box)), servers: ["x.test"],
        expiresAt: day.advanced(byMilliseconds: 90 * 86_400_000))
}

func stamp(_ offset: Int64, _ count: UInt32 = 0, by origin: HostName = "a") -> HybridTimestamp {
    HybridTimestamp(time: day.advanced(byMilliseconds: offset), count: count, origin: origin)
}

func route(_ prefix: String = "/", host: String? = nil) -> Route { (try? Route(host: host, pathPrefix: prefix))! }
