import TestSupport
import Testing

/// Debian's `redis-server` with TLS on another port, too, and a certificate for `localhost` and 127.0.0.2.
final class SecureRedis: Sendable {
    let authority: TestAuthority
    let server: RedisServer
    private let reservation: ReservedPort

    /// `asksClients` is what Redis calls `tls-auth-clients`.
    init(asksClients: String = "no") async throws {
        authority = try await TestAuthority()
        reservation = try ReservedPort()
        server = try RedisServer()
        let certificate = try await authority.issue("server", for: ["DNS:localhost", "IP:127.0.0.2"])
        try await server.start([
            "--tls-port", "\(reservation.address.port)", "--bind", "127.0.0.1", "127.0.0.2",
            "--tls-ca-cert-file", authority.file, "--tls-auth-clients", asksClients,
            "--tls-cert-file", certificate.chain, "--tls-key-file", certificate.key,
        ])
    }

    /// Whose certificate is verified by nobody here: its authority is to follow.
    var byName: String { "rediss://app:secret@localhost:\(reservation.address.port)/2" }
    var verified: String { "\(byName)?ssl-ca=\(authority.file)" }
}

/// One server for all tests that leave it running.
let sharedSecureRedis = Task { try await SecureRedis() }
