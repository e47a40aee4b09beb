import IgropyrCluster
import IgropyrOrchestration
import IgropyrUV

/// Packs a bundle, uploads it and deploys it: what `deploy` and `demo` have in common.
struct Deployer {
    let client: ControlClient
    let node: SocketAddress

    /// - Throws: What refuses it, before anything is uploaded unless things change meanwhile.
    /// - Returns: The entry made, of which the workers are yet to start.
    func deploy(
        _ name: ApplicationName, bundle: String, _ manifest: Manifest, secrets: [String: [UInt8]] = [:]
    ) async throws -> Deployment {
        try await Packing.bundle(bundle, manifest, on: client.loop) { summary, archive in
            _ = try await plan(name, manifest, summary, secrets: Set(secrets.keys), isCheck: true)
            let sending = ProgressLine("sending to \(node)")
            _ = try await client.upload(summary.index, from: archive, to: node) { sending.show($0, of: $1) }
            sending.finish()
            let spec = try await spec(of: name, manifest, summary)
            return try await client.deploy(name, spec, secrets: secrets, at: node)
        }
    }

    /// What that would move; `secrets` are those that it would give a value.
    func plan(
        _ name: ApplicationName, bundle: String, _ manifest: Manifest, secrets: Set<String>
    ) async throws -> PlanReport {
        try await Packing.bundle(bundle, manifest, on: client.loop) { summary, _ in
            try await plan(name, manifest, summary, secrets: secrets)
        }
    }

    private func plan(
        _ name: ApplicationName, _ manifest: Manifest, _ summary: BundleArchive.Summary, secrets: Set<String>,
        isCheck: Bool = false
    ) async throws -> PlanReport {
        var request = PlanRequest()
        request.application = name
        request.spec = try await spec(of: name, manifest, summary)
        request.secrets = secrets
        request.isCheck = isCheck
        return try await client.plan(request, at: node)
    }

    /// The scale belongs to the load: unless the manifest names one, that of the present deployment stays.
    private func spec(
        of name: ApplicationName, _ manifest: Manifest, _ summary: BundleArchive.Summary
    ) async throws -> DeploymentSpec {
        var spec = manifest.spec(for: summary)
        guard !manifest.namesScale else { return spec }
        do throws(ControlError) {
            if let present = try await client.deployment(name, at: node).spec { spec.scale = present.scale }
        } catch {
            guard error.code == .refused(status: 404) else { throw error }  // It is the first.
        }
        return spec
    }
}
