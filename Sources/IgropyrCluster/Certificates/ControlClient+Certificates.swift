internal import FoundationEssentials
public import IgropyrOrchestration
public import IgropyrUV

extension ControlClient {
    /// Has all balancers show a certificate, in place of the one of that name; `pem` has it, those above it, and its
    /// private key. Without a name it is called by the first server that it stands for.
    public func setCertificate(
        _ name: CertificateName?, _ pem: [UInt8], at node: SocketAddress
    ) async throws(ControlError) -> CertificateReport {
        let body = try JSON.encode(CertificateRequest(name: name, pem: Data(pem)))
        return try await call(.init(.post, "/v1/certificates", body: body), at: node)
    }

    public func certificates(of node: SocketAddress) async throws(ControlError) -> CertificatesReport {
        try await call(.init(.get, "/v1/certificates"), at: node)
    }

    public func removeCertificate(_ name: CertificateName, at node: SocketAddress) async throws(ControlError) {
        let _: DoneMessage = try await call(.init(.delete, "/v1/certificates/\(name)"), at: node)
    }
}
