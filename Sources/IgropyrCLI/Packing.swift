import IgropyrCluster
import IgropyrUV

enum Packing {
    /// Calls `body` with what `bundle` makes, and the path of its archive, which goes with the call.
    static func bundle<Result>(
        _ bundle: String, _ manifest: Manifest, on loop: EventLoop,
        _ body: (BundleArchive.Summary, String) async throws -> Result
    ) async throws -> Result {
        let folder = try OwnFolder(for: "bundle")
        defer { folder.remove() }
        let archive = "\(folder.path)/archive.tar"
        let packing = ProgressLine("packing")
        let summary = try await loop.offload {
            try manifest.archive(bundle, to: archive) { packing.show($0.doneBytes, of: $0.totalBytes) }
        }
        packing.finish()
        return try await body(summary, archive)
    }
}
