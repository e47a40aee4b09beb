internal import IgropyrOrchestration
internal import IgropyrUV

/// What a node knows of its workers' talk when its program is replaced: so that who listens to it, and to whom it
/// listens, goes on where they were.
struct TopicMemory: Codable, Sendable {
    /// Listening to what workers say on another host.
    struct Link: Hashable, Codable, Sendable {
        let application: ApplicationName
        let host: HostName
    }

    private static let limitBytes = 1 << 30

    /// Of the format.
    private var version = ControlAPI.version
    var logs: [ApplicationName: TopicLog] = [:]
    /// The id of what was heard last.
    var heard: [Link: String] = [:]

    init() {}

    /// From a descriptor that ``write()`` has returned, and which is closed. Nil for what cannot be read. Blocks.
    static func read(owning descriptor: Int32) -> TopicMemory? {
        guard let bytes = try? MemoryFile.read(owning: descriptor, limitBytes: limitBytes),
            let memory = try? JSON.decode(TopicMemory.self, from: bytes), memory.version == ControlAPI.version
        else { return nil }
        return memory
    }

    /// - Returns: a descriptor that the caller owns. Blocks.
    func write() throws -> Int32 { try MemoryFile.make(try JSON.encode(self)) }
}
