/// Whether an operator keeps workers away from a host; kept in its data folder, so that it lasts through restarts.
public enum Scheduling: String, Codable, Sendable, Hashable {
    case active
    /// It keeps the workers that it has, and gets no others.
    case cordoned
    /// It hands its workers over, and gets none.
    case drained

    private static let fileName = "scheduling.json"

    /// Blocks, likewise ``write(to:)``. What cannot be read counts as active: a host must not stay empty unnoticed.
    static func read(from folder: DataFolder) -> Scheduling {
        guard let bytes = try? folder.read(fileName, limitBytes: 1 << 10) else { return .active }
        return (try? JSON.decode([String: Scheduling].self, from: bytes))?["scheduling"] ?? .active
    }

    func write(to folder: DataFolder) throws {
        try folder.write(try JSON.encode(["scheduling": self]), to: Self.fileName)
    }
}
