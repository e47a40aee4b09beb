internal import CLinux
internal import Glibc

/// A view of the files of a process's own (mount_namespaces(7)); what others mount later still appears in it.
///
/// `/tmp` and `/var/tmp` are a folder of its own, the bundle cannot be written, and of the node's data folder nothing
/// else is in sight: keys, state and other applications' bundles.
enum FileNamespace {
    /// Needs `CAP_SYS_ADMIN`. On an error the process may be in a namespace of its own, with some of this done.
    static func enter(_ view: Confines.FileView, privateFolder: String) throws(LauncherError) {
        guard igropyr_unshare(igropyr_CLONE_NEWNS) == 0 else { throw .system("unshare", errno) }
        try mount(nil, "/", igropyr_MS_REC | igropyr_MS_SLAVE)
        // Names lead elsewhere once something is mounted on them: so all are opened before.
        let bundle = try Handle(view.bundle)
        let own = try Handle(privateFolder)
        let temporary = try Handle("\(privateFolder)/tmp")
        try mount(temporary.path, "/tmp", igropyr_MS_BIND)
        if FileSystem.exists("/var/tmp") { try mount(temporary.path, "/var/tmp", igropyr_MS_BIND) }
        try makeFolders(view.dataFolder)
        try mount("tmpfs", view.dataFolder, igropyr_MS_NOSUID | igropyr_MS_NODEV, type: "tmpfs", "mode=0755,size=1m")
        try show(own, at: privateFolder)
        try show(bundle, at: view.bundle)
        let readOnly = igropyr_MS_REMOUNT | igropyr_MS_BIND | igropyr_MS_RDONLY | igropyr_MS_NOSUID | igropyr_MS_NODEV
        try mount(nil, view.bundle, readOnly)
        // The present folder is still the one that can be written.
        guard unsafe chdir(view.bundle) == 0 else { throw .system("chdir \(view.bundle)", errno) }
    }

    /// A folder that stays at hand when its name leads elsewhere.
    private struct Handle: ~Copyable {
        private let descriptor: Int32

        init(_ path: String) throws(LauncherError) {
            descriptor = unsafe open(path, igropyr_O_PATH | O_DIRECTORY | O_CLOEXEC)
            guard descriptor >= 0 else { throw .system("open \(path)", errno) }
        }

        deinit { close(descriptor) }

        var path: String { "/proc/self/fd/\(descriptor)" }
    }

    private static func show(_ folder: borrowing Handle, at path: String) throws(LauncherError) {
        try makeFolders(path)
        try mount(folder.path, path, igropyr_MS_BIND)
    }

    private static func makeFolders(_ path: String) throws(LauncherError) {
        do throws(FileError) { try FileSystem.createFolders(path, permissions: 0o755) } catch {
            throw .confinement(error.description)
        }
    }

    private static func mount(
        _ source: String?, _ target: String, _ flags: UInt, type: String? = nil, _ options: String? = nil
    ) throws(LauncherError) {
        let result = unsafe igropyr_mount(source ?? "none", target, type ?? "none", flags, options ?? "")
        guard result == 0 else { throw .system("mount on \(target)", errno) }
    }
}
