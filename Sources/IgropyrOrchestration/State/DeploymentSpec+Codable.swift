/// Fields of later editions may be missing: then they have their defaults.
extension DeploymentSpec {
    enum CodingKeys: String, CodingKey {
        case revision, kind, arguments, environment, scale, constraints, preferences
        case route, furtherRoutes, hashKey, confinement, isEncrypted, secrets, health
        case stopTimeoutMilliseconds, startTimeoutMilliseconds, restart, watchdogMilliseconds, update, generation
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            revision: try container.decode(BundleDigest.self, forKey: .revision),
            kind: try container.decode(Kind.self, forKey: .kind),
            arguments: try container.decode([String].self, forKey: .arguments),
            environment: try container.decode([String: String].self, forKey: .environment),
            scale: try container.decode(Scale.self, forKey: .scale),
            constraints: try container.decode([String: String].self, forKey: .constraints),
            route: try container.decode(Route.self, forKey: .route),
            stopTimeoutMilliseconds: try container.decode(Int.self, forKey: .stopTimeoutMilliseconds),
            startTimeoutMilliseconds: try container.decode(Int.self, forKey: .startTimeoutMilliseconds),
            restart: try container.decode(RestartPolicy.self, forKey: .restart))
        preferences = try container.decodeIfPresent([String: String].self, forKey: .preferences) ?? [:]
        furtherRoutes = try container.decodeIfPresent([Route].self, forKey: .furtherRoutes) ?? []
        hashKey = try container.decodeIfPresent(HashKey.self, forKey: .hashKey)
        confinement = try container.decodeIfPresent(Confinement.self, forKey: .confinement) ?? Confinement()
        isEncrypted = try container.decodeIfPresent(Bool.self, forKey: .isEncrypted) ?? false
        secrets = try container.decodeIfPresent([String: Secret].self, forKey: .secrets) ?? [:]
        health = try container.decodeIfPresent(HealthCheck.self, forKey: .health)
        watchdogMilliseconds = try container.decodeIfPresent(Int.self, forKey: .watchdogMilliseconds)
        update = try container.decodeIfPresent(UpdatePolicy.self, forKey: .update)
        generation = try container.decodeIfPresent(Int.self, forKey: .generation)
    }
}

/// As a deployment of it, whose fields may be missing, too.
extension WorkerSpec: Codable {
    public init(from decoder: any Decoder) throws { self = try DeploymentSpec(from: decoder).worker }

    public func encode(to encoder: any Encoder) throws { try DeploymentSpec(self).encode(to: encoder) }
}

/// `"scale": {"perHost": 2}` or `{"total": 5}`; one per core is `{"perHost": 1, "perCore": true}`, so that editions
/// that do not know it start one on each host.
extension DeploymentSpec.Scale: Codable {
    private enum CodingKeys: String, CodingKey { case perHost, total, perCore }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        switch (
            try container.decodeIfPresent(Int.self, forKey: .perHost),
            try container.decodeIfPresent(Int.self, forKey: .total)
        ) {
        case (let count?, nil):
            let isPerCore = try container.decodeIfPresent(Bool.self, forKey: .perCore) ?? false
            self = isPerCore ? .perCore : .perHost(count)
        case (nil, let count?): self = .total(count)
        default:
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "exactly one of perHost and total is needed"))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .perHost(let count): try container.encode(count, forKey: .perHost)
        case .total(let count): try container.encode(count, forKey: .total)
        case .perCore:
            try container.encode(1, forKey: .perHost)
            try container.encode(true, forKey: .perCore)
        }
    }
}

extension DeploymentSpec.Scale: CustomStringConvertible {
    public var description: String {
        switch self {
        case .perHost(let count): "\(count) per host"
        case .total(let count): "\(count) in total"
        case .perCore: "1 per core"
        }
    }
}
