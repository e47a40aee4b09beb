internal import IgropyrOrchestration
internal import IgropyrTransport
internal import Logging

/// Certificates that all balancers show: sealed by the node that is given them, opened by the balancers.
extension HostAgent {
    var certificateSealing: CertificateSealing { CertificateSealing(keys: keys.forSecrets.withLock { $0 }) }

    func setCertificate(_ request: CertificateRequest, by caller: Caller, _ parts: Parts) async -> ControlReply {
        let sealing = certificateSealing
        do {
            let (name, content) = try await loop.offload { () throws(CertificateError) in
                try sealing.content(request.name, Array(request.pem))
            }
            let certificate = try await parts.replica.setCertificate(name, content)
            configuration.logger.info("set a certificate", metadata: ["certificate": "\(name)"])
            await note(.certificate, by: caller, nil, nil, detail: "set \(name)", parts)
            return .json(CertificateReport(certificate))
        } catch let refusal as Refusal {
            return .refusal(refusal.code == .tooMany ? 409 : 422, refusal.description)
        } catch { return .refusal(422, "\(error)") }
    }

    func removeCertificate(_ text: String, by caller: Caller, _ parts: Parts) async -> ControlReply {
        guard let name = CertificateName(rawValue: text), await parts.replica.removeCertificate(name) else {
            return .refusal(404, "there is no certificate \"\(text)\": igropyr certificate list")
        }
        configuration.logger.info("removed a certificate", metadata: ["certificate": "\(name)"])
        await note(.certificate, by: caller, nil, nil, detail: "removed \(name)", parts)
        return .json(DoneMessage())
    }

    func certificates(_ parts: Parts) async -> ControlReply {
        let certificates = await parts.replica.state.certificates.sorted { $0.key < $1.key }
        return .json(CertificatesReport(host: name, certificates: certificates.compactMap { CertificateReport($1) }))
    }
}
