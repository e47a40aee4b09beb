internal import Crypto
internal import FoundationEssentials
public import IgropyrOrchestration
internal import IgropyrText
public import IgropyrTransport

/// The one secret of a cluster: who holds it is a member. Encrypts gossip as it is (AES-GCM).
public struct ClusterKey: Sendable, Hashable {
    /// 16, 24 or 32: the key lengths of AES, which Serf accepts, too.
    public let bytes: [UInt8]

    /// Nil for another length.
    public init?(bytes: [UInt8]) {
        guard [16, 24, 32].contains(bytes.count) else { return nil }
        self.bytes = bytes
    }

    /// 32 bytes. Give a `SystemRandomNumberGenerator` except in tests.
    public static func generate(using generator: inout some RandomNumberGenerator) -> ClusterKey {
        ClusterKey(known: (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) })
    }

    /// Reads what `igropyr keygen` and `serf keygen` write: one line of Base64.
    ///
    /// Blocks, briefly. `onWarning` gets one line if others than the owner may read or change the file.
    public init(fileAt path: String, onWarning: (String) -> Void = { _ in }) throws(ClusterKeyError) {
        let text: [UInt8]
        let isPrivate: Bool
        do throws(FileError) {
            // A key may be mounted as a link, so the path is resolved: Kubernetes mounts secrets that way.
            let resolved = try FileSystem.resolved(path)
            text = try AtomicFile.read(resolved, limitBytes: 4096)
            isPrivate = try FileSystem.status(of: resolved).isPrivate
        } catch {
            throw error.isMissing ? .missing(path: path) : .file(error)
        }
        guard let bytes = Self.decoded(text) else { throw .notBase64(path: path) }
        guard let key = ClusterKey(bytes: bytes) else { throw .wrongLength(path: path, byteCount: bytes.count) }
        self = key
        if !isPrivate {
            onWarning("others than its owner can read or change the key file \(path): chmod 600 \(path)")
        }
    }

    /// One line without its end, as key files hold it.
    public var base64: String { Data(bytes).base64EncodedString() }

    /// Names the key to people and says nothing about it: twelve hexadecimal digits.
    public var fingerprint: String {
        Hexadecimal.text(SHA256.hash(data: Array("igropyr key fingerprint v1".utf8) + bytes).prefix(6))
    }

    /// Nil for what is no Base64 of a key.
    public init?(base64: String) {
        guard let bytes = Data(base64Encoded: base64) else { return nil }
        self.init(bytes: Array(bytes))
    }

    /// What control connections prove themselves with.
    public var control: PreSharedKey { .derived(fromClusterKey: bytes) }

    /// What balancers and the encrypted workers of an application prove themselves with to each other.
    public func worker(of application: ApplicationName) -> PreSharedKey {
        .worker(of: application.rawValue, fromClusterKey: bytes)
    }

    private init(known bytes: [UInt8]) { self.bytes = bytes }

    private static func decoded(_ text: [UInt8]) -> [UInt8]? {
        let isSpace: (UInt8) -> Bool = { [UInt8(ascii: " "), 9, 10, 13].contains($0) }
        let line = text.drop(while: isSpace).reversed().drop(while: isSpace).reversed()
        return Data(base64Encoded: Data(line)).map(Array.init)
    }
}

extension ClusterKey: CustomStringConvertible {
    /// Never the secret, so that it cannot reach a log by accident.
    public var description: String { "ClusterKey(…)" }
}

/// Why a key file is of no use; one line with what to do.
public enum ClusterKeyError: Error, Hashable, CustomStringConvertible {
    case missing(path: String)
    case notBase64(path: String)
    case wrongLength(path: String, byteCount: Int)
    case file(FileError)

    public var description: String {
        switch self {
        case .missing(let path):
            "the key file \(path) does not exist; copy the cluster's there, or make a new cluster's with "
                + "`igropyr keygen > \(path)`"
        case .notBase64(let path):
            "the key file \(path) is not one line of Base64 as `igropyr keygen` prints it: "
                + "copy the cluster's from another host, or name its file"
        case .wrongLength(let path, let byteCount):
            "the key file \(path) holds \(byteCount) bytes, not 16, 24 or 32 as `igropyr keygen` prints them: "
                + "copy the cluster's from another host, or name its file"
        case .file(let error): error.description
        }
    }
}
