internal import Glibc

/// A file without a name, which is gone with the last reference to it, however the process ends. Its calls block; any
/// thread may make them, one at a time.
public final class TemporaryFile: Sendable {
    private let file: OpenFile

    /// In the folder that `TMPDIR` names, else in `/tmp`.
    /// - Throws: `UV_ENOENT`, `UV_EACCES`, `UV_EROFS`, `UV_ENOSPC`, `UV_EMFILE`.
    public init() throws(UVError) {
        let path = "\(Self.folder)/igropyr-\(UInt64.random(in: 0 ... .max))"
        let flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC  // Not O_TMPFILE, which some file systems lack.
        let opened = Descriptor(owning: unsafe try check(Glibc.open(path, flags, 0o600), errnoOf: "open"))
        unsafe unlink(path)
        guard let file = try OpenFile(opened) else { preconditionFailure("O_CREAT made a folder") }
        self.file = file
    }

    public static var folder: String {
        guard let folder = unsafe getenv("TMPDIR"), unsafe folder.pointee != 0 else { return "/tmp" }
        return unsafe String(cString: folder)
    }

    /// - Throws: `UV_ENOSPC`, `UV_EIO`; a part may have been written.
    public func append(_ bytes: [UInt8]) throws(UVError) {
        var rest = bytes[...]
        try writeAll(&rest, to: file.descriptor)
    }

    /// Gives back the room that it takes, which of gigabytes takes long; a close would do it where the last reference
    /// happens to end.
    public func empty() { _ = ftruncate(file.descriptor, 0) }

    /// As ``OpenFile/read(at:count:)``.
    public func read(at offset: Int, count: Int) throws(UVError) -> [UInt8] { try file.read(at: offset, count: count) }
}

/// Writes on until all is written.
func writeAll(_ rest: inout ArraySlice<UInt8>, to descriptor: Int32) throws(UVError) {
    while !rest.isEmpty {
        let count = unsafe rest.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress!, $0.count) }
        if count < 0, errno == EINTR { continue }
        rest.removeFirst(Int(try check(Int32(clamping: count), errnoOf: "write")))
    }
}
