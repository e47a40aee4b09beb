/// A value that only an application's workers are to see.
public struct Secret: Hashable, Sendable, Codable {
    /// How a worker gets it.
    public enum Delivery: String, Hashable, Sendable, Codable, CaseIterable {
        /// As a variable of its name.
        case environment
        /// As a file of its name in the folder that `CREDENTIALS_DIRECTORY` names, in memory.
        case file
    }

    public var delivery: Delivery
    /// Nil on its way to a node that has it, or is sent it beside.
    public var value: SealedValue?

    public init(_ delivery: Delivery = .environment, value: SealedValue? = nil) {
        self.delivery = delivery
        self.value = value
    }
}

/// A secret's value under a key that is made from the cluster's: what is stored and travels.
public struct SealedValue: Hashable, Sendable, Codable {
    /// Given at random when the value is set; sealing it anew, under another key of the cluster, keeps it.
    public var version: String
    /// The fingerprint of the cluster's key.
    public var key: String
    /// Base64.
    public var box: String

    public init(version: String, key: String, box: String) {
        self.version = version
        self.key = key
        self.box = box
    }
}

/// A secret of one worker: equal to another if its value is, under whatever key.
public struct WorkerSecret: Hashable, Sendable {
    public var secret: Secret

    public static func == (left: WorkerSecret, right: WorkerSecret) -> Bool {
        left.secret.delivery == right.secret.delivery && left.secret.value?.version == right.secret.value?.version
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(secret.delivery)
        hasher.combine(secret.value?.version)
    }
}

extension DeploymentSpec {
    mutating func reseal(_ sealed: (_ name: String, SealedValue) -> SealedValue?) {
        for (name, secret) in secrets {
            if let value = secret.value, let other = sealed(name, value) { secrets[name]?.value = other }
        }
    }

    func validateSecrets(_ validation: Validation) throws(Refusal) {
        try validation.requireCount(secrets.count, atMost: StateLimits.secrets, of: "secrets")
        let bytes = secrets.values.reduce(0) { $0 + ($1.value?.box.utf8.count ?? 0) }
        try validation.require(
            bytes <= StateLimits.sealedBytes, .tooLarge,
            "its secrets take \(bytes) bytes sealed, at most \(StateLimits.sealedBytes) are allowed")
        for (name, secret) in secrets {
            try validation.require(
                Self.isVariable(name) && name.utf8.count <= StateLimits.secretNameBytes, .malformed,
                "a secret's name is a letter or '_', then letters, digits and '_', at most "
                    + "\(StateLimits.secretNameBytes)")
            guard let value = secret.value else { continue }
            for text in [value.version, value.key] {
                try validation.requirePlainText(text, atMost: StateLimits.sealedFieldBytes, "a sealed value")
            }
        }
    }
}
