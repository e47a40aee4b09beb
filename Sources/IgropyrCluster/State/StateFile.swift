internal import IgropyrOrchestration

/// The replicated state in a data folder, as JSON. All calls block.
enum StateFile {
    enum Content {
        case none
        case snapshot(StateDelta)
        /// It was renamed, so that nobody writes over it.
        case damaged(path: String, reason: String)
    }

    /// More than a node reads at its start, so that it is not written.
    struct TooLarge: Error, CustomStringConvertible {
        let bytes: Int
        let limitBytes: Int

        var description: String {
            "the state takes \(bytes >> 20) MB, more than the \(limitBytes >> 20) MB that a node can begin with: remove "
                + "applications or certificates that are not needed"
        }
    }

    static let name = "state.json"
    /// Far above what ``StateLimits/decidedBytes`` lets operators decide, for what two halves of a cluster decide while
    /// they are apart and what hosts say about themselves.
    static let limitBytes = 256 << 20

    /// - Throws: If what cannot be read cannot be set aside either.
    static func read(from folder: DataFolder, limitBytes: Int = limitBytes) throws -> Content {
        let content: [UInt8]?
        do { content = try folder.read(name, limitBytes: limitBytes) } catch {
            return try setAside(in: folder, "\(error)")
        }
        guard let bytes = content else { return .none }
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

    /// - Throws: ``TooLarge`` and what the disk says; then the file is as it was.
    static func write(_ snapshot: StateDelta, to folder: DataFolder, limitBytes: Int = limitBytes) throws {
        let bytes = try JSON.encode(snapshot)
        guard bytes.count <= limitBytes else { throw TooLarge(bytes: bytes.count, limitBytes: limitBytes) }
        try folder.write(bytes, to: name)
    }

    private static func setAside(in folder: DataFolder, _ reason: String) throws(FileError) -> Content {
        let path = "\(folder.path)/\(name).damaged-\(UnixTime.now.milliseconds / 1000)"
        try FileSystem.rename("\(folder.path)/\(name)", to: path)
        return .damaged(path: path, reason: reason)
    }
}
