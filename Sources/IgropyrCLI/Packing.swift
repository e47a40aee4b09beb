import Foundation
import IgropyrCluster
import IgropyrUV

enum Packing {
    /// Calls `body` with what `bundle` makes, and the path of its archive, which goes with the call.
    static func bundle<Result>(
        _ bundle: String, _ manifest: Manifest, on loop: EventLoop,
        _ body: (BundleArchive.Summary, String) async throws -> Result
    ) async throws -> Result {
        let archive = FileManager.default.temporaryDirectory.appending(path: "igropyr-bundle-\(UUID().uuidString).tar")
            .path
        defer { try? FileManager.default.removeItem(atPath: archive) }
        let packing = ProgressLine("packing")
        let summary = try await loop.offload {
            try manifest.archive(bundle, to: archive) { packing.show($0.doneBytes, of: $0.totalBytes) }
        }
        packing.finish()
        return try await body(summary, archive)
    }
}
