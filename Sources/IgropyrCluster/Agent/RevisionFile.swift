internal import FoundationEssentials
internal import IgropyrBundles

/// `revisions.json` in a node's data folder. All calls block.
extension RevisionHistory {
    static let name = "revisions.json"

    /// Empty if there is none, or none that can be read: then merely fewer bundles are kept.
    static func read(from folder: DataFolder) -> RevisionHistory {
        guard let bytes = try? folder.read(name) else { return RevisionHistory() }
        return (try? JSONDecoder().decode(RevisionHistory.self, from: Data(bytes))) ?? RevisionHistory()
    }

    func write(to folder: DataFolder) throws { try folder.write(try JSON.encode(self), to: Self.name) }
}
