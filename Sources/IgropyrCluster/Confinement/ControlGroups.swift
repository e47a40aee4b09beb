internal import Glibc
internal import IgropyrOrchestration

/// Control groups for workers below the node's own, where this host has version 2 of them and lets the node have its
/// part (systemd: `Delegate=yes`). All calls block.
///
/// Source: the kernel's "Control Group v2"; its rule that processes stand at the leaves only has the node go into a
/// group of its own first, which it does if nobody else is in the one that it was started in.
struct ControlGroups: Sendable, Equatable {
    static let needed = ["cpu", "memory", "pids"]
    private static let ownName = "igropyr-node"

    /// The node's, in which those of workers are made.
    let path: String

    /// A part of the hierarchy that is this process's already.
    init(at path: String) { self.path = path }

    /// Takes over the group that this process is in.
    static func open() throws(ConfinementError) -> ControlGroups {
        let path = try own()
        let groups = ControlGroups(at: FileSystem.name(of: path) == ownName ? FileSystem.parent(of: path) : path)
        let present = try words(of: "\(groups.path)/cgroup.controllers")
        let missing = needed.filter { !present.contains($0) }
        guard missing.isEmpty else {
            throw .noControlGroups("\(groups.path) has no \(missing.joined(separator: ", ")) to give")
        }
        try groups.moveProcess()
        try write(needed.map { "+\($0)" }.joined(separator: " "), to: "\(groups.path)/cgroup.subtree_control")
        return groups
    }

    /// Where this process is (`0::/path` in /proc/self/cgroup), below where version 2 is mounted.
    private static func own() throws(ConfinementError) -> String {
        let lines = try text(of: "/proc/self/cgroup").split(separator: "\n")
        let mounts = try text(of: "/proc/self/mountinfo").split(separator: "\n")
        guard let line = lines.first(where: { $0.hasPrefix("0::/") }),
            let mount = mounts.first(where: { $0.contains(" - cgroup2 ") })?.split(separator: " "), mount.count > 4
        else { throw .noControlGroups("this host has no control groups of version 2") }
        let path = line.dropFirst(4)
        return path.isEmpty ? String(mount[4]) : "\(mount[4])/\(path)"
    }

    private func moveProcess() throws(ConfinementError) {
        let others = try Self.words(of: "\(path)/cgroup.procs").filter { $0 != "\(getpid())" && $0 != "0" }
        guard others.isEmpty else {
            throw .noControlGroups("\(path) has other processes in it; systemd gives the node one by Delegate=yes")
        }
        let group = "\(path)/\(Self.ownName)"
        try ConfinementError.wrapping { () throws(FileError) in
            try FileSystem.createFolders(group, permissions: 0o755)
        }
        try Self.write("0", to: "\(group)/cgroup.procs")
    }

    // MARK: - Of a worker

    /// Makes a group with the limits.
    func make(_ name: String, _ limits: Confinement) throws(ConfinementError) -> String {
        let group = "\(path)/\(name)"
        try ConfinementError.wrapping { () throws(FileError) in
            try FileSystem.createFolder(group, permissions: 0o755)
        }
        do throws(ConfinementError) {
            for (file, text) in Self.settings(limits) { try Self.write(text, to: "\(group)/\(file)") }
            return group
        } catch {
            Self.remove(group)
            throw error
        }
    }

    /// File and content for each limit. A worker that has used up its memory is killed with all that it started, rather
    /// than one of its processes at random.
    static func settings(_ limits: Confinement) -> [(file: String, text: String)] {
        var settings: [(String, String)] = []
        if let memory = limits.memoryBytes {
            settings += [("memory.max", "\(memory)"), ("memory.swap.max", "0"), ("memory.oom.group", "1")]
        }
        if let cpu = limits.cpuThousandths { settings.append(("cpu.max", "\(cpu * 100) 100000")) }
        if let processes = limits.processes { settings.append(("pids.max", "\(processes)")) }
        return settings
    }

    /// Kills what is still in it. A group stays if the kernel takes its time with that; the next removal finds it.
    static func remove(_ group: String) {
        try? write("1", to: "\(group)/cgroup.kill")
        _ = unsafe rmdir(group)
    }

    /// Whose limit a process of the group met that the kernel killed for its memory; nil if it killed none.
    static func memoryDeath(in group: String) -> WorkerExit.MemoryLimit? {
        guard let words = try? words(of: "\(group)/memory.events") else { return nil }
        func count(_ event: String) -> Int {
            words.firstIndex(of: event).flatMap { words.indices.contains($0 + 1) ? Int(words[$0 + 1]) : nil } ?? 0
        }
        guard count("oom_kill") > 0 else { return nil }
        return count("oom") > 0 ? .own : .shared
    }

    /// Those that a node before this one left behind.
    func removeEmpty() {
        for name in (try? FileSystem.names(in: path)) ?? [] where name.hasPrefix(WorkerPlace.prefix) {
            _ = unsafe rmdir("\(path)/\(name)")
        }
    }

    // MARK: - Files

    private static func words(of path: String) throws(ConfinementError) -> [String] {
        try text(of: path).split(whereSeparator: \.isWhitespace).map(String.init)
    }

    private static func text(of path: String) throws(ConfinementError) -> String {
        String(
            decoding: try ConfinementError.wrapping { () throws(FileError) in
                try AtomicFile.read(path, limitBytes: 1 << 20)
            }, as: UTF8.self)
    }

    /// In one write, as the kernel wants it.
    private static func write(_ text: String, to path: String) throws(ConfinementError) {
        try ConfinementError.wrapping { () throws(FileError) in
            try BlockingFile(path, .write).write(Array(text.utf8))
        }
    }
}

/// Why a worker cannot be confined as its deployment asks; one line with what to do.
enum ConfinementError: Error, Hashable, CustomStringConvertible {
    case noControlGroups(String)
    case impossible(String)
    case file(FileError)

    var description: String {
        switch self {
        case .noControlGroups(let reason), .impossible(let reason): reason
        case .file(let error): error.description
        }
    }
}

extension ConfinementError: FileFailure {
    init(_ error: FileError) { self = .file(error) }
}
