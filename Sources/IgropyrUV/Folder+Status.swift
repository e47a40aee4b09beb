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
    }

    /// About 2 µs, by the path as it is now: nothing is cached.
    /// - Throws: as ``open(beneath:)``; needs no right to read what is there.
    public func status(of path: String) throws(UVError) -> Status {
        let opened = try openDescriptor(path, igropyr_O_PATH | O_CLOEXEC)
        defer { Glibc.close(opened) }
        var status = stat()
        try check(unsafe fstat(opened, &status), errnoOf: "fstat")
        let kind: Status.Kind =
            switch status.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .folder
            default: .other
            }
        return Status(kind: kind, identity: OpenFile.Identity(status))
    }
}
