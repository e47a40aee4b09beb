internal import CLinux
internal import Glibc
internal import IgropyrText

/// An open folder, beneath which files are opened by relative paths that cannot lead out of it, unless links may.
public final class Folder: Sendable {
    /// What is done about symbolic links beneath the folder. Its own path may have some either way.
    public enum Symlinks: Sendable, Hashable {
        case refused
        /// Followed as long as they stay beneath the folder: an absolute one, or one that climbs out of it, counts as
        /// not there. Kernels before 5.6, and sandboxes that forbid `openat2`, refuse all of them.
        case beneath
        /// Followed wherever they lead: who may make one beneath the folder may have opened what this process can open.
        case followed
    }

    let descriptor: Int32
    private let symlinks: Symlinks

    /// - Throws: `UV_ENOENT`, `UV_ENOTDIR`, `UV_EACCES`.
    public init(_ path: String, symlinks: Symlinks = .refused) throws(UVError) {
        descriptor = unsafe try check(Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), errnoOf: "open")
        self.symlinks = symlinks
    }

    deinit { Glibc.close(descriptor) }

    /// What is found beneath a folder.
    public enum Entry: Sendable {
        case file(OpenFile)
        case folder
    }

    /// Opens what stands at `path`: names separated by single slashes, or nothing for the folder itself. A pipe does
    /// not block, and what is neither file nor folder counts as not there.
    /// - Throws: `UV_ENOENT`, `UV_ENOTDIR`, `UV_EACCES`, `UV_ELOOP` and `UV_EXDEV` at a symbolic link, `UV_EMFILE`.
    public func open(beneath path: String) throws(UVError) -> Entry {
        guard let file = try OpenFile(try openDescriptor(path, Self.flags)) else { return .folder }
        return .file(file)
    }

    private static let flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC
    /// The kernel gives up with EAGAIN when names change while it follows them.
    private static let attempts = 8

    func openDescriptor(_ path: String, _ flags: Int32) throws(UVError) -> Descriptor {
        let path = path.isEmpty ? "." : path
        var how = open_how()
        how.flags = UInt64(flags | (symlinks == .refused ? O_NOFOLLOW : 0))
        how.resolve = UInt64(RESOLVE_NO_MAGICLINKS)
        switch symlinks {
        case .refused: how.resolve |= UInt64(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS)
        case .beneath: how.resolve |= UInt64(RESOLVE_BENEATH)
        case .followed: guard !Self.leadsOut(path) else { throw UVError(errno: EXDEV, "openat2") }
        }
        for _ in 0..<Self.attempts {
            let opened = unsafe igropyr_openat2(descriptor, path, &how)
            if opened >= 0 { return Descriptor(owning: opened) }
            switch errno {
            case EAGAIN, EINTR: continue
            case ENOSYS, EPERM: return try walk(path, flags)
            case let code: throw UVError(errno: code, "openat2")
            }
        }
        throw UVError(errno: EAGAIN, "openat2")
    }

    /// Whether a path does so by itself, without any link.
    private static func leadsOut(_ path: String) -> Bool {
        path.utf8.first == UInt8(ascii: "/") || path.pathNames.contains("..")
    }

    /// The same name by name, for kernels before 5.6 and sandboxes that refuse `openat2`.
    func walk(_ path: String, _ flags: Int32) throws(UVError) -> Descriptor {
        if symlinks == .followed { return try Self.open(path, flags, in: descriptor) }
        var names = path.pathNames.filter { !$0.isEmpty }
        guard !names.contains(".."), let last = names.popLast() else { throw UVError(errno: ENOENT, "openat") }
        var folder: Descriptor?
        for name in names {
            let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
            folder = try Self.open(name, flags, in: folder?.number ?? descriptor)
        }
        return try Self.open(last, flags | O_NOFOLLOW, in: folder?.number ?? descriptor)
    }

    private static func open(_ path: String, _ flags: Int32, in folder: Int32) throws(UVError) -> Descriptor {
        Descriptor(owning: unsafe try check(openat(folder, path, flags), errnoOf: "openat"))
    }
}
