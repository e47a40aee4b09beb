internal import Glibc
internal import IgropyrOrchestration
internal import IgropyrTransport

/// What one process of a worker has to itself: a folder for temporary files and maybe a control group. Both go with it.
/// All calls block.
struct WorkerPlace: Sendable, Hashable, Codable {
    /// Of the names of folders and groups.
    static let prefix = "worker-"
    /// In the folder: the number of the process that has it.
    static let processFile = "pid"

    /// Of the node; places are in its `run`.
    struct Site: Sendable {
        var dataFolder: String
        var host: HostConfinement

        var folder: String { "\(dataFolder)/run" }

        /// Removes what processes that have ended left behind.
        func removeAbandoned() {
            for name in (try? FileSystem.names(in: folder)) ?? [] where name.hasPrefix(WorkerPlace.prefix) {
                let place = WorkerPlace(folder: "\(folder)/\(name)", controlGroup: nil)
                if !place.isInUse { place.remove(of: host) }
            }
        }
    }

    let folder: String
    let controlGroup: String?

    /// For secrets: in memory, so that none is on a disk in the clear. The launcher makes it, if there are any.
    var secretFolder: String { "/dev/shm/igropyr-\(FileSystem.name(of: folder))" }

    /// See ``WorkerKeys``. Here, where the process cannot replace it, but the node can.
    var keyFile: String { "\(folder)/keys" }

    /// Nothing is made: for a place that is there already.
    init(folder: String, controlGroup: String?) {
        self.folder = folder
        self.controlGroup = controlGroup
    }

    /// - Throws: That the host cannot confine a worker so; then nothing is there.
    static func make(
        for slot: WorkerSlot, _ wanted: Confinement, bundle: String, keys: [PreSharedKey] = [], at site: Site
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
                guard !keys.isEmpty else { return }
                try WorkerKeys.write(keys, to: place.keyFile)
            }
            if !keys.isEmpty { confines.keyFile = place.keyFile }
            return (place, confines)
        } catch {
            place.remove(of: site.host)
            throw error
        }
    }

    /// Whether the process that noted its number still lives, or another that has got it since.
    private var isInUse: Bool {
        guard let bytes = try? AtomicFile.read("\(folder)/\(Self.processFile)", limitBytes: 32),
            let number = pid_t(String(decoding: bytes, as: UTF8.self)), number > 0
        else { return false }
        return kill(number, 0) == 0 || errno == EPERM
    }

    func remove(of host: HostConfinement) {
        if let controlGroup { host.groups?.remove(controlGroup) }
        try? FileSystem.removeTree(secretFolder)
        try? FileSystem.removeTree(folder)
    }
}
