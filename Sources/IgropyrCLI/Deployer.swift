import Foundation
import IgropyrCluster
import IgropyrOrchestration
import IgropyrUV

/// Packs a bundle, uploads it and deploys it: what `deploy` and `demo` have in common.
struct Deployer {
    let client: ControlClient
    let node: SocketAddress

    /// - Returns: The revision, of which the workers are yet to start.
    func deploy(
        _ name: ApplicationName, bundle: String, _ manifest: Manifest, secrets: [String: [UInt8]] = [:]
    ) async throws -> BundleDigest {
        let archive = FileManager.default.temporaryDirectory.appending(path: "igropyr-bundle-\(UUID().uuidString).tar")
            .path
        defer { try? FileManager.default.removeItem(atPath: archive) }
        let packing = ProgressLine("packing")
        let source = manifest.source(in: bundle)
        let summary = try await client.loop.offload {
            try BundleArchive.create(from: source, to: archive) { packing.show($0.doneBytes, of: $0.totalBytes) }
        }
        packing.finish()
        let sending = ProgressLine("sending to \(node)")
        _ = try await client.upload(summary.digest, from: archive, to: node) { sending.show($0, of: $1) }
        sending.finish()
        _ = try await client.deploy(name, manifest.spec(for: summary), secrets: secrets, at: node)
        return summary.digest
    }

    /// Waits until all workers of a revision are ready.
    /// - Returns: What was done, in one line.
    /// - Throws: What keeps them from it, as soon as one has failed; that not all are ready when the time is up.
    func awaitWorkers(
        of name: ApplicationName, _ revision: BundleDigest, for patience: Duration
    ) async throws -> String {
        var ready = 0
        var wanted = 0
        let areReady = try await until(patience, every: .milliseconds(100)) {
            let report = try await client.status(of: node)
            let workers = report.workers.filter { $0.application == name && $0.revision == revision }
            if let failed = workers.first(where: { $0.state == .backoff || $0.state == .failed }) {
                throw CommandFailure(
                    "\(name) does not start on \(failed.host): \(failed.message). Mend it and deploy again, "
                        + "or take it out: igropyr remove \(name)")
            }
            ready = workers.count { $0.state == .ready }
            wanted = report.applications.first { $0.name == name }?.wanted ?? 0
            return wanted > 0 && ready >= wanted
        }
        guard areReady else {
            throw CommandFailure(
                "deployed \(name), but only \(ready) of \(wanted) workers were ready in time: igropyr status says why")
        }
        return "deployed \(name), revision \(revision.description.prefix(12)): \(ready) of \(wanted) workers are ready"
    }
}
