internal import IgropyrOrchestration

/// What a worker prints: `<application>-<index>.log`, and what was before as `.log.1`. All calls block.
///
/// The worker writes to the file by itself, so its log needs no agent. The agent looks after the size: a full file is
/// copied aside and emptied, which the worker, who appends, does not notice. Lines written in between are lost.
struct WorkerLog: Sendable {
    /// At which a log is moved aside; so an application's worker takes about twice as much, and what it prints between
    /// two looks of the agent.
    static let limitBytes: Int64 = 10 << 20

    let path: String

    init(path: String) { self.path = path }

    init(of slot: WorkerSlot, in folder: String) { path = "\(folder)/\(slot.application)-\(slot.index).log" }

    /// The logs of an application's workers that are there, by index.
    static func files(of application: ApplicationName, in folder: String) -> [(index: Int, log: WorkerLog)] {
        let names = (try? FileSystem.names(in: folder)) ?? []
        let prefix = "\(application)-"
        return names.compactMap { name in
            guard name.hasPrefix(prefix), name.hasSuffix(".log") else { return nil }
            guard let index = UInt16(name.dropFirst(prefix.count).dropLast(4)) else { return nil }
            return (Int(index), WorkerLog(path: "\(folder)/\(name)"))
        }.sorted { $0.index < $1.index }
    }

    /// Removes what nobody has written to since then, but for the logs of workers that are there. What cannot be
    /// removed stays until the next time.
    static func removeOld(in folder: String, except present: [WorkerLog], before limit: UnixTime) {
        let kept = Set(present.flatMap { [$0.path, $0.formerPath] })
        for name in (try? FileSystem.names(in: folder)) ?? [] where name.hasSuffix(".log") || name.hasSuffix(".log.1") {
            let path = "\(folder)/\(name)"
            guard !kept.contains(path), let status = try? FileSystem.status(of: path), status.changed < limit else {
                continue
            }
            try? FileSystem.removeTree(path)
        }
    }

    /// For one child process, which gets a duplicate.
    func open() throws(FileError) -> BlockingFile { try BlockingFile(path, .append(permissions: 0o600)) }

    /// What was printed last, from that place in the file on; nil if nothing was. Only as much as a status can show.
    /// If the file was emptied since, its whole counts.
    func lastLine(from start: Int64) throws(FileError) -> String? {
        let file = try BlockingFile(path, .read)
        let byteCount = try file.status().byteCount
        let tail = try file.read(upTo: 1024, at: max(start <= byteCount ? start : 0, byteCount - 1024))
        return String(decoding: tail, as: UTF8.self).split(whereSeparator: \.isNewline).last.map(String.init)
    }

    /// Moves it aside if it is full. Where there is no room for that, what it holds is lost: a log that cannot be kept
    /// must not fill the disk, too.
    /// - Returns: Whether it was full.
    @discardableResult
    func rotateIfFull(limitBytes: Int64 = Self.limitBytes) throws(FileError) -> Bool {
        guard FileSystem.exists(path), try FileSystem.status(of: path).byteCount >= limitBytes else { return false }
        let outcome = Result { () throws(FileError) in
            try FileSystem.replace(formerPath) { aside throws(FileError) in
                try FileSystem.copy(path, to: aside, limitBytes: 2 * limitBytes)
            }
        }
        try open().truncate()
        try outcome.get()
        return true
    }
}
