internal import CLinux
internal import Glibc
internal import IgropyrUV

extension Confines {
    /// Confines this process, for good: no call after it gets anything back. The process must have one thread.
    func apply() throws(LauncherError) {
        try noteProcess()
        if let controlGroup { try enter(controlGroup) }
        if let memoryBytes { try limit(igropyr_RLIMIT_DATA, memoryBytes, "memory") }
        try limitOpenFiles()
        let isIsolated = try view.map { view throws(LauncherError) in try isolate(view) } ?? false
        let owner = try (user ?? (isIsolated ? isolatedUser : nil)).map(Self.owner)
        if let owner { try hand(temporaryFolder, to: owner) }
        if let owner, let keyFile { try hand(keyFile, to: owner) }
        if let secretFolder { try writeSecrets(to: secretFolder, for: owner) }
        if isIsolated { moveTemporaryFiles() }
        // After all that root may do despite it, before it is one who may not raise it.
        if let processes { try limit(igropyr_RLIMIT_NPROC, processes, "processes") }
        do throws(UVError) { try owner?.assume() } catch { throw .system(error.call, -error.code) }
        guard igropyr_set_no_new_privileges() == 0 else { throw .system("prctl(PR_SET_NO_NEW_PRIVS)", errno) }
    }

    private static func owner(_ user: String) throws(LauncherError) -> ProcessOwner {
        do throws(ProcessOwner.Unknown) {
            return try ProcessOwner(user: user, group: nil)
        } catch { throw .confinement(error.description) }
    }

    /// So that an agent to come knows whether the folders are still in use.
    private func noteProcess() throws(LauncherError) {
        for folder in [privateFolder, memoryFolder].compactMap(\.self) {
            try write(
                Array("\(getpid())".utf8), to: "\(folder)/\(WorkerPlace.processFile)", flags: O_WRONLY | O_CREAT)
        }
    }

    private func enter(_ group: String) throws(LauncherError) {
        try write(Array("0".utf8), to: "\(group)/cgroup.procs", flags: O_WRONLY)
    }

    private func write(
        _ bytes: [UInt8], to path: String, flags: Int32, permissions: mode_t = 0o600
    ) throws(LauncherError) {
        let descriptor = unsafe open(path, flags | O_CLOEXEC | O_NOFOLLOW, permissions)
        guard descriptor >= 0 else { throw .system("open \(path)", errno) }
        defer { close(descriptor) }
        guard unsafe Glibc.write(descriptor, bytes, bytes.count) == bytes.count else {
            throw .system("write \(path)", errno)
        }
    }

    private func limit(_ resource: Int32, _ value: Int, _ what: String) throws(LauncherError) {
        guard igropyr_set_limit(resource, UInt(value)) == 0 else { throw .system("limit \(what) to \(value)", errno) }
    }

    private func limitOpenFiles() throws(LauncherError) {
        if let openFiles {
            try limit(igropyr_RLIMIT_NOFILE, openFiles, "open files")
        } else if let softOpenFiles, igropyr_set_open_files(UInt(softOpenFiles)) != 0 {
            throw .system("limit open files to \(softOpenFiles)", errno)
        }
    }

    private func isolate(_ view: FileView) throws(LauncherError) -> Bool {
        do throws(LauncherError) {
            try FileNamespace.enter(view, privateFolder: privateFolder)
            return true
        } catch {
            guard !view.isRequired else { throw error }
            writeError("not isolated: \(error)")
            return false
        }
    }

    private func writeSecrets(to folder: String, for owner: ProcessOwner?) throws(LauncherError) {
        guard unsafe mkdir(folder, 0o700) == 0 else { throw .system("mkdir \(folder)", errno) }
        for (name, value) in secretFiles {
            let path = "\(folder)/\(name)"
            try write(Array(value), to: path, flags: O_WRONLY | O_CREAT | O_EXCL, permissions: 0o400)
            if let owner { try hand(path, to: owner) }
        }
        if let owner { try hand(folder, to: owner) }
    }

    private func hand(_ path: String, to owner: ProcessOwner) throws(LauncherError) {
        do throws(UVError) { try owner.take(path) } catch { throw .system(error.call, -error.code) }
    }

    /// They are in `/tmp` now, unless the deployment says otherwise.
    private func moveTemporaryFiles() {
        for variable in ["TMPDIR", "HOME"] {
            guard let value = unsafe getenv(variable), unsafe String(cString: value) == temporaryFolder else {
                continue
            }
            unsafe setenv(variable, "/tmp", 1)
        }
    }

    private func writeError(_ line: String) {
        let bytes = Array("igropyr launch: \(line)\n".utf8)
        _ = unsafe Glibc.write(STDERR_FILENO, bytes, bytes.count)
    }
}
