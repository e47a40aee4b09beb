internal import FoundationEssentials
internal import Glibc
internal import IgropyrOrchestration
internal import IgropyrTransport
internal import IgropyrUV

/// What one process of a worker has to itself: a folder for temporary files, one in memory if it has secrets, and maybe
/// a control group. All go with it; after a crash of the node with the next one's start, or by its ``Keeper``. All
/// calls block.
struct WorkerPlace: Sendable, Hashable, Codable {
    /// Of the names of folders and groups.
    static let prefix = "worker-"
    /// In the folders: the number of the process that has them.
    static let processFile = "pid"
    /// Where the folders in memory are, those of other nodes of this machine, too.
    private static let memory = "/dev/shm"
    private static let memoryPrefix = "igropyr-"

    /// Of the node; places are in its `run`.
    struct Site: Sendable {
        var dataFolder: String
        var host: HostConfinement

        var folder: String { WorkerPlace.folder(in: dataFolder) }
    }

    let folder: String
    let controlGroup: String?

    /// For secrets, so that none is on a disk in the clear.
    var memoryFolder: String { "\(Self.memory)/\(Self.memoryPrefix)\(FileSystem.name(of: folder))" }

    /// In there, for the process alone. The launcher makes it.
    var secretFolder: String { "\(memoryFolder)/secrets" }

    /// See ``WorkerKeys``. Here, where the process cannot replace it, but the node can.
    var keyFile: String { "\(folder)/keys" }

    /// Nothing is made: for a place that is there already.
    init(folder: String, controlGroup: String?) {
        self.folder = folder
        self.controlGroup = controlGroup
    }

    private static func folder(in dataFolder: String) -> String { "\(dataFolder)/run" }

    /// - Throws: That the host cannot confine a worker so; then nothing is there.
    static func make(
        for slot: WorkerSlot, _ wanted: Confinement, bundle: String, keys: [PreSharedKey] = [],
        secrets: [String: Data] = [:], at site: Site
    ) throws(ConfinementError) -> (place: WorkerPlace, confines: Confines) {
        let name = "\(prefix)\(slot.application)-\(slot.index)-\(String(UInt32.random(in: .min ... .max), radix: 36))"
        var group: String?
        if site.host.wantsGroup(wanted), let groups = site.host.groups { group = try groups.make(name, wanted) }
        let place = WorkerPlace(folder: "\(site.folder)/\(name)", controlGroup: group)
        do throws(ConfinementError) {
            var confines = try site.host.confines(
                for: wanted, of: slot.application, bundle: bundle, dataFolder: site.dataFolder,
                privateFolder: place.folder, controlGroup: group)
            try ConfinementError.wrapping { () throws(FileError) in
                // Passable: whom the process becomes must reach what is his within.
                try FileSystem.createFolders(site.folder, permissions: 0o711)
                try FileSystem.createFolder(place.folder, permissions: 0o711)
                try FileSystem.createFolder(confines.temporaryFolder, permissions: 0o700)
                if !secrets.isEmpty { try FileSystem.createFolder(place.memoryFolder, permissions: 0o711) }
                if !keys.isEmpty { try WorkerKeys.write(keys, to: place.keyFile) }
            }
            if !keys.isEmpty { confines.keyFile = place.keyFile }
            if !secrets.isEmpty {
                (confines.memoryFolder, confines.secretFolder) = (place.memoryFolder, place.secretFolder)
                confines.secretFiles = secrets
            }
            return (place, confines)
        } catch {
            place.remove()
            throw error
        }
    }

    /// Whatever still runs in it is killed.
    func remove() {
        if let controlGroup { ControlGroups.remove(controlGroup) }
        try? FileSystem.removeTree(memoryFolder)
        try? FileSystem.removeTree(folder)
    }

    // MARK: - Left behind

    /// Removes what processes have left behind that ended without their node: in its data folder, and in memory, there
    /// also of nodes of this user whose data folder has gone.
    static func removeAbandoned(by dataFolder: String) {
        let folder = folder(in: dataFolder)
        for name in (try? FileSystem.names(in: folder)) ?? [] where name.hasPrefix(prefix) {
            let place = WorkerPlace(folder: "\(folder)/\(name)", controlGroup: nil)
            if !isInUse(place.folder) { place.remove() }
        }
        for name in (try? FileSystem.names(in: memory)) ?? [] where name.hasPrefix(memoryPrefix + prefix) {
            let folder = "\(memory)/\(name)"
            // One without a number is another node's that is just starting its process, and holds nothing yet.
            guard (try? FileSystem.status(of: folder))?.owner == geteuid(), process(in: folder) != nil,
                !isInUse(folder)
            else { continue }
            try? FileSystem.removeTree(folder)
        }
    }

    private static func process(in folder: String) -> pid_t? {
        guard let bytes = try? AtomicFile.read("\(folder)/\(processFile)", limitBytes: 32),
            let number = pid_t(String(decoding: bytes, as: UTF8.self)), number > 0
        else { return nil }
        return number
    }

    /// Whether the process that noted its number still lives, or another that has got it since.
    private static func isInUse(_ folder: String) -> Bool {
        guard let number = process(in: folder), kill(number, 0) == 0 || errno == EPERM else { return false }
        return ProcessStatus(of: number)?.isZombie != true
    }
}
