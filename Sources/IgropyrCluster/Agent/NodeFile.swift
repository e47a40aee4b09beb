/// `node.json` in a node's data folder: how programs on the same host find the node. All calls block.
public struct NodeFile: Codable, Sendable, Hashable {
    public static let name = "node.json"

    /// Of the format.
    public var version = ControlAPI.version
    public var host: String
    /// Address and port.
    public var control: String
    /// An absolute path; nil if the node has no key.
    public var keyFile: String?
    public var pid: Int32

    /// The file of the node that runs on this folder, or did; nil if there is none, or none that can be read.
    public static func read(fromDataFolder path: String) -> NodeFile? {
        guard let bytes = try? AtomicFile.read("\(path)/\(name)", limitBytes: 1 << 16) else { return nil }
        return try? JSON.decode(NodeFile.self, from: bytes)
    }

    func write(to folder: DataFolder) throws {
        try folder.write(try JSON.encode(self), to: Self.name)
    }

    static func remove(from folder: DataFolder) { try? FileSystem.removeTree("\(folder.path)/\(name)") }
}
