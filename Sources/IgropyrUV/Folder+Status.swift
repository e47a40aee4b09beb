internal import CLinux
internal import Glibc

extension Folder {
    /// What stands at a path, without its being opened for reading.
    public struct Status: Sendable, Hashable {
        public enum Kind: Sendable, Hashable {
            case file, folder
            /// A pipe, a socket, a device; also a symbolic link that is not followed.
            case other
        }

        public let kind: Kind
        public let identity: OpenFile.Identity

        fileprivate init(_ status: stat) {
            kind =
                switch status.st_mode & S_IFMT {
                case S_IFREG: .file
                case S_IFDIR: .folder
                default: .other
                }
            identity = OpenFile.Identity(status)
        }
    }

    /// About 2 µs, and less for a name without a slash, by the path as it is now: nothing is cached.
    /// - Throws: as ``open(beneath:)``; needs no right to read what is there.
    public func status(of path: String) throws(UVError) -> Status {
        if let status = try statusOfName(path) { return status }
        let opened = try openDescriptor(path, igropyr_O_PATH | O_CLOEXEC)
        var status = stat()
        try check(unsafe fstat(opened.number, &status), errnoOf: "fstat")
        return Status(status)
    }

    /// The same in one call, for a single name, which leads nowhere else; nil if it is none, or a symbolic link's.
    private func statusOfName(_ name: String) throws(UVError) -> Status? {
        let bytes = name.utf8.span
        let hasSlash = bytes.indices.contains { bytes[$0] == UInt8(ascii: "/") }
        guard !name.isEmpty, name != "..", !hasSlash else { return nil }
        var status = stat()
        let result = unsafe name.withCString { unsafe fstatat(descriptor, $0, &status, AT_SYMLINK_NOFOLLOW) }
        try check(result, errnoOf: "fstatat")
        return status.st_mode & S_IFMT == S_IFLNK ? nil : Status(status)
    }
}
