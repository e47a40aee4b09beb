internal import FoundationEssentials
internal import IgropyrOrchestration

/// Encrypts secrets' values for storage and travel: AES-256-GCM with a key made from the cluster's by HKDF-SHA256
/// (RFC 5869), and opens them. A value belongs to its application, name and version: moved elsewhere, it does not open.
struct SecretSealing: Sendable {
    /// Of one value.
    static let limitBytes = 16 << 10

    private let box: SealingBox

    /// The cluster's keys, the one in use first, then such as were in use.
    init(keys: [ClusterKey]) { box = SealingBox(keys: keys, purpose: "igropyr secrets v1") }

    func seal(_ value: [UInt8], _ name: String, of application: ApplicationName) throws(SecretError) -> SealedValue {
        guard value.count <= Self.limitBytes else { throw .tooLarge(name) }
        guard box.hasKey else { throw .noKey }
        guard let sealed = box.seal(value, Self.context(name, application)) else { throw .damaged(name) }
        return sealed
    }

    func open(_ sealed: SealedValue, _ name: String, of application: ApplicationName) throws(SecretError) -> [UInt8] {
        guard box.hasKey(of: sealed) else { throw .otherKey(name, application, sealed.key) }
        guard let value = box.open(sealed, Self.context(name, application)) else { throw .damaged(name) }
        return value
    }

    /// The same value under the key in use; nil if it is under that already, or cannot be opened.
    func resealed(_ sealed: SealedValue, _ name: String, of application: ApplicationName) -> SealedValue? {
        box.resealed(sealed, Self.context(name, application))
    }

    private static func context(_ name: String, _ application: ApplicationName) -> String { "\(application)\0\(name)" }
}

/// Why a secret is of no use; one line with what to do, never with its value.
enum SecretError: Error, Hashable, CustomStringConvertible {
    case noKey
    case otherKey(String, ApplicationName, String)
    case damaged(String)
    case tooLarge(String)
    case missing(String, ApplicationName)
    case unknown(String, ApplicationName)
    case noText(String)

    var description: String {
        switch self {
        case .noKey: "secrets need a cluster with a key (igropyr keygen): without one they could not be encrypted"
        case .otherKey(let name, let application, let key):
            "the secret \(name) is under the key \(key), which this node does not have: "
                + "igropyr secret set \(application) \(name)"
        case .damaged(let name): "the secret \(name) cannot be opened: it was changed, or belongs to something else"
        case .tooLarge(let name): "the secret \(name) has more than \(SecretSealing.limitBytes) bytes"
        case .missing(let name, let application):
            "the secret \(name) has no value: igropyr deploy … --secret \(name)=FILE, or, once it is deployed, "
                + "igropyr secret set \(application) \(name)"
        case .unknown(let name, let application):
            "\(application) has no secret \(name): add it to \"secrets\" in its \(Manifest.fileName) and deploy"
        case .noText(let name):
            "the secret \(name) is no UTF-8 or contains a NUL: as a variable it cannot be passed, as a file it can"
        }
    }
}

/// A worker's secrets, opened.
struct OpenedSecrets {
    var variables: [String: String] = [:]
    var files: [String: Data] = [:]

    init(
        _ secrets: [String: WorkerSecret], of application: ApplicationName, _ sealing: SecretSealing
    ) throws(SecretError) {
        for (name, worker) in secrets.sorted(by: { $0.key < $1.key }) {
            guard let sealed = worker.secret.value else { throw .missing(name, application) }
            let value = try sealing.open(sealed, name, of: application)
            switch worker.secret.delivery {
            case .file: files[name] = Data(value)
            case .environment:
                guard let text = String(validating: value, as: UTF8.self), !value.contains(0) else {
                    throw .noText(name)
                }
                variables[name] = text
            }
        }
    }
}
