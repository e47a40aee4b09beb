internal import Glibc
internal import IgropyrOrchestration

/// What a path is, as `lstat` says: a symbolic link is a link, not what it points to.
struct FileStatus: Hashable {
    enum Kind { case file, folder, link, socket, fifo, device }

    let kind: Kind
    let byteCount: Int64
    /// The lowest nine bits of the mode.
    let permissions: UInt32
    /// When its content last changed.
    let changed: UnixTime
    let owner: UInt32
    private let device: UInt64
    private let inode: UInt64

    /// Whether both are of one file, whatever it is called.
    func isOfSameFile(as other: FileStatus) -> Bool { (device, inode) == (other.device, other.inode) }

    func isOnSameFileSystem(as other: FileStatus) -> Bool { device == other.device }

    /// Whether nobody but its owner can read or change it. Root's may be read by a group, as systemd's credentials and
    /// Kubernetes' secrets are: PostgreSQL's rule for private keys.
    var isPrivate: Bool { permissions & (owner == 0 ? 0o037 : 0o077) == 0 }

    var isExecutable: Bool { permissions & 0o111 != 0 }

    init(_ raw: stat) {
        kind =
            switch raw.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .folder
            case S_IFLNK: .link
            case S_IFSOCK: .socket
            case S_IFIFO: .fifo
            default: .device
            }
        byteCount = Int64(raw.st_size)
        permissions = raw.st_mode & 0o777
        owner = raw.st_uid
        (device, inode) = (UInt64(raw.st_dev), UInt64(raw.st_ino))
        changed = UnixTime(milliseconds: Int64(raw.st_mtim.tv_sec) * 1000 + Int64(raw.st_mtim.tv_nsec) / 1_000_000)
    }
}
