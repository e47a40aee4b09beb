internal import CArchive
internal import Glibc

/// Puts admitted entries onto the disk below a folder; libarchive's own checks stand behind ``BundleRules``.
@safe
final class ArchiveExtractor {
    private let raw: OpaquePointer
    private let root: String

    /// The path must be free of links, since libarchive refuses to write through any.
    init(into root: String) throws(BundleError) {
        self.root = root
        guard let raw = unsafe archive_write_disk_new() else {
            throw BundleError(.storage, root, "no memory for an archive")
        }
        unsafe self.raw = raw
        // Absolute paths are what it gets: `root` and an admitted path.
        let flags =
            ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_NO_OVERWRITE | ARCHIVE_EXTRACT_SECURE_SYMLINKS
            | ARCHIVE_EXTRACT_SECURE_NODOTDOT
        try check(unsafe archive_write_disk_set_options(raw, flags))
    }

    deinit { unsafe archive_write_free(raw) }

    func write(_ entry: BundleEntry, from reader: ArchiveReader) throws(BundleError) {
        let path = "\(root)/\(entry.path)"
        // libarchive would pass over it in silence. Names may be one where case, or how a letter is composed, is of no
        // account.
        guard !FileSystem.exists(path) else {
            throw BundleError(
                .damaged, root, "\(entry.path) is there already, under a name that this file system takes for it")
        }
        let header = unsafe archive_entry_new()
        defer { unsafe archive_entry_free(header) }
        unsafe archive_entry_copy_pathname(header, path)
        switch entry.content {
        case .file(let byteCount, let isExecutable, _):
            unsafe archive_entry_set_mode(header, S_IFREG | (isExecutable ? 0o755 : 0o644))
            unsafe archive_entry_set_size(header, byteCount)
        case .folder: unsafe archive_entry_set_mode(header, S_IFDIR | 0o755)
        case .link(let target):
            unsafe archive_entry_set_mode(header, S_IFLNK | 0o777)
            unsafe archive_entry_copy_symlink(header, target)
        case .hardLink(let target):
            unsafe archive_entry_set_mode(header, S_IFREG | 0o644)
            unsafe archive_entry_copy_hardlink(header, "\(root)/\(target)")
        case .other: preconditionFailure("no such entry is admitted")
        }
        try check(unsafe archive_write_header(raw, header))
        if case .file = entry.content { try copyContent(from: reader) }
        try check(unsafe archive_write_finish_entry(raw))
    }

    /// Sets what has to wait until all is written.
    func finish() throws(BundleError) { try check(unsafe archive_write_close(raw)) }

    private func copyContent(from reader: ArchiveReader) throws(BundleError) {
        var block: UnsafeRawPointer?
        var count = 0
        var offset: Int64 = 0
        while true {
            switch unsafe archive_read_data_block(reader.raw, &block, &count, &offset) {
            case ARCHIVE_OK: break
            case ARCHIVE_EOF: return
            default: throw reader.failure()
            }
            let result = unsafe archive_write_data_block(raw, block, count, offset)
            guard result >= Int(ARCHIVE_OK) else { throw failure() }
        }
    }

    private func check(_ result: Int32) throws(BundleError) {
        guard result == ARCHIVE_OK else { throw failure() }
    }

    private func failure() -> BundleError {
        let number = unsafe archive_errno(raw)
        guard number <= 0 else { return BundleError(FileError("unpack to", root, errorNumber: number)) }
        return BundleError(.damaged, root, "cannot unpack to \(root): \(unsafe lastFailure(of: raw))")
    }
}
