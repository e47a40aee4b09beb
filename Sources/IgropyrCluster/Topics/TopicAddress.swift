internal import Crypto
internal import FoundationEssentials
internal import IgropyrOrchestration
internal import IgropyrText

/// Where this host's workers reach their node to talk to each other: a port of 127.0.0.1, and for each application a
/// path that nobody else can guess.
///
/// Kept in the data folder, since workers may outlive their node and go on to ask there. Meanwhile the ``Keeper`` holds
/// the socket: whoever else got the port would be told the paths.
struct TopicAddress: Hashable, Codable, Sendable {
    private static let name = "topics.json"
    private static let secretBytes = 32

    /// Of the format.
    private var version = ControlAPI.version
    var port: UInt16
    /// The number of the listening socket (``ListeningSocket/inode(of:)``).
    var socket: UInt64?
    private var secret: Data

    /// With a secret of its own and no port yet.
    init() {
        var random = SystemRandomNumberGenerator()
        port = 0
        secret = Data((0..<Self.secretBytes).map { _ in UInt8.random(in: .min ... .max, using: &random) })
    }

    /// What workers find in `IGROPYR_TOPICS`.
    func url(for application: ApplicationName) -> String {
        let code = HMAC<SHA256>.authenticationCode(for: Self.subject(application), using: SymmetricKey(data: secret))
        return "http://127.0.0.1:\(port)/\(application)/\(Hexadecimal.text(code))"
    }

    /// Whether the token is of the application's URL. Takes the same time whatever it has in common with it.
    func admits(_ token: String, to application: ApplicationName) -> Bool {
        guard let code = Hexadecimal.bytes(token.utf8) else { return false }
        return HMAC<SHA256>.isValidAuthenticationCode(
            code, authenticating: Self.subject(application), using: SymmetricKey(data: secret))
    }

    private static func subject(_ application: ApplicationName) -> Data {
        Data("igropyr topics v1 \(application)".utf8)
    }

    // MARK: - On the disk. All calls block.

    /// Nil if there is none, or none that can be read.
    static func read(from folder: DataFolder) -> TopicAddress? {
        guard let bytes = try? folder.read(name, limitBytes: 4096),
            let address = try? JSON.decode(TopicAddress.self, from: bytes), address.version == ControlAPI.version,
            address.secret.count == secretBytes
        else { return nil }
        return address
    }

    func write(to folder: DataFolder) throws { try folder.write(try JSON.encode(self), to: Self.name) }
}
