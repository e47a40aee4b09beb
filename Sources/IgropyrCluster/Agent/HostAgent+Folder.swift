internal import IgropyrUV
internal import Logging

/// The data folder, should somebody remove it under the node, or its lock, as what clears old files away may do:
/// without the folder no worker starts, and none is found again after a crash.
extension HostAgent {
    private static let folderInterval: Duration = .seconds(2)

    /// Until its task is cancelled.
    func watchFolder() async {
        while (try? await Task.sleep(for: Self.folderInterval)) != nil, isRunning, let parts {
            let folder = parts.folder
            do {
                let wasGone = try await loop.offload { () throws(DataFolderError) in try folder.remakeIfGone() }
                if wasGone { await fillFolder(parts) }
                problems[.folder] = nil
            } catch { problems[.folder] = "\(error)" }
        }
    }

    /// What the node knows goes back to the disk; bundles come from peers again, as far as they have them.
    private func fillFolder(_ parts: Parts) async {
        configuration.logger.error(
            "the data folder or its lock was removed under the node, and is made anew; what was in it alone is lost",
            metadata: ["data": "\(parts.folder.path)"])
        await makeBundleFolders(parts)
        await saveKeys(parts)
        await saveScheduling(parts)
        await writeNodeFile(parts)
        await save(parts.topics.address, in: parts.folder)
        await parts.supervisor.writeLedgerAnew()
        await parts.replica.save()
        rememberedPeers = []  // They are written again.
        setNeedsUpdate()
    }

    private func makeBundleFolders(_ parts: Parts) async {
        let (store, folder) = (parts.store, parts.folder)
        var present = LocalBundles()
        do {
            present = try await loop.offload {
                _ = try folder.folder("logs")
                return try LocalBundles(in: BundleStore(openingAt: store.path))
            }
        } catch {
            configuration.logger.error("cannot make the folders of bundles and logs", metadata: ["reason": "\(error)"])
        }
        bundles.whole = present.whole
        bundles.times = present.times
    }

    private func saveScheduling(_ parts: Parts) async {
        let (folder, scheduling) = (parts.folder, scheduling)
        guard scheduling != .active else { return }
        do { try await loop.offload { try scheduling.write(to: folder) } } catch {
            configuration.logger.error(
                "cannot save whether the host is drained: a restart would forget it", metadata: ["reason": "\(error)"])
        }
    }
}
