internal import Glibc
internal import IgropyrOrchestration
internal import IgropyrUV

/// How far this host can confine workers: found out once, when the node starts.
struct HostConfinement: Sendable {
    let isRoot: Bool
    /// Whether processes can have a view of the files of their own.
    let canIsolate: Bool
    let users: WorkerUsers
    let groups: ControlGroups?
    /// Why there are no groups; empty if there are.
    let groupsProblem: String

    /// Blocks. Takes over the node's control group; see ``ControlGroups/open()``.
    static func found() -> HostConfinement {
        do throws(ConfinementError) {
            let groups = try ControlGroups.open()
            groups.removeEmpty()
            return HostConfinement(groups: groups)
        } catch { return HostConfinement(groups: nil, groupsProblem: error.description) }
    }

    init(
        isRoot: Bool = geteuid() == 0, canIsolate: Bool = mayMount(), users: WorkerUsers = .found(),
        groups: ControlGroups?, groupsProblem: String = ""
    ) {
        self.isRoot = isRoot
        self.canIsolate = isRoot && canIsolate
        self.users = users
        self.groups = groups
        self.groupsProblem = groupsProblem
    }

    /// `CAP_SYS_ADMIN`, bit 21 of what /proc/self/status has as `CapEff`.
    private static func mayMount() -> Bool {
        let status = (try? AtomicFile.read("/proc/self/status", limitBytes: 1 << 16)) ?? []
        let line = String(decoding: status, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("CapEff:") }
        let digits = line?.split(whereSeparator: \.isWhitespace).last
        return digits.flatMap { UInt64($0, radix: 16) }.map { $0 >> 21 & 1 == 1 } ?? false
    }

    /// What the launcher has to do.
    /// - Throws: That something is asked for that cannot be had here.
    func confines(
        for wanted: Confinement, of application: ApplicationName, bundle: String, dataFolder: String,
        privateFolder: String, controlGroup: String?
    ) throws(ConfinementError) -> Confines {
        var confines = Confines(privateFolder: privateFolder)
        confines.controlGroup = controlGroup
        confines.openFiles = wanted.openFiles
        if controlGroup == nil { try limitByProcess(wanted, &confines) }
        confines.user = try user(wanted.user)
        if wanted.isolation == .on, !canIsolate {
            throw .impossible("\"isolation: on\" needs a node that runs as root and may mount (CAP_SYS_ADMIN)")
        }
        if willIsolate(wanted) {
            confines.view = .init(dataFolder: dataFolder, bundle: bundle, isRequired: wanted.isolation == .on)
            confines.isolatedUser = users.user(of: application)
        }
        return confines
    }

    /// Whether a control group is of use.
    func wantsGroup(_ wanted: Confinement) -> Bool {
        wanted.memoryBytes != nil || wanted.cpuThousandths != nil || wanted.processes != nil
    }

    private func limitByProcess(_ wanted: Confinement, _ confines: inout Confines) throws(ConfinementError) {
        guard wanted.cpuThousandths == nil else {
            throw .impossible("\"limits: cpu\" needs control groups: \(groupsProblem)")
        }
        confines.memoryBytes = wanted.memoryBytes
        confines.processes = wanted.processes
        // The kernel does not hold root to it.
        if wanted.processes != nil, staysRoot(wanted) {
            throw .impossible(
                "\"limits: processes\" needs control groups (\(groupsProblem)) or a \"user\" that is not root")
        }
    }

    private func staysRoot(_ wanted: Confinement) -> Bool {
        guard let user = wanted.user else { return isRoot && !willIsolate(wanted) }
        return isRoot && (user == "root" || user == "0")
    }

    private func willIsolate(_ wanted: Confinement) -> Bool { wanted.isolation != .off && canIsolate }

    private func user(_ wanted: String?) throws(ConfinementError) -> String? {
        guard let wanted else { return nil }
        do throws(ProcessOwner.Unknown) {
            if try ProcessOwner(user: wanted, group: nil).isPresent { return isRoot ? wanted : nil }
        } catch { throw .impossible(error.description) }
        guard isRoot else {
            throw .impossible("\"user: \(wanted)\" needs a node that runs as root: this one runs as \(geteuid())")
        }
        return wanted
    }
}
