internal import IgropyrOrchestration

/// The replicated state in a data folder, as JSON. All calls block.
enum StateFile {
    enum Content {
        case none
        case snapshot(StateDelta)
        /// It was renamed, so that nobody writes over it.
        case damaged(path: String, reason: String)
    }

    static let name = "state.json"

    static func read(from folder: DataFolder) throws -> Content {
        guard let bytes = try folder.read(name) else { return .none }
        do {
            let snapshot = try JSON.decode(StateDelta.self, from: bytes)
            guard snapshot.version == StateDelta.currentVersion else {
                return try setAside(in: folder, "its format is \(snapshot.version)")
            }
            return .snapshot(snapshot)
        } catch let error as DecodingError {
            return try setAside(in: folder, JSON.cause(of: error))
        }
    }

    static func write(_ snapshot: StateDelta, to folder: DataFolder) throws {
        try folder.write(try JSON.encode(snapshot), to: name)
    }

    private static func setAside(in folder: DataFolder, _ reason: String) throws(FileError) -> Content {
        let path = "\(folder.path)/\(name).damaged-\(UnixTime.now.milliseconds / 1000)"
        try FileSystem.rename("\(folder.path)/\(name)", to: path)
        return .damaged(path: path, reason: reason)
    }
}
