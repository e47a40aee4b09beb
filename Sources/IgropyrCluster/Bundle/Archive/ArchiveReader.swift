internal import CArchive
internal import Glibc

/// Reads a tar archive, entry by entry.
///
/// Reads no compressed archive: bundles are none, and a decompressor is more to attack.
@safe
final class ArchiveReader {
    /// Lent to the extractor, between two calls of ``nextEntry()``.
    let raw: OpaquePointer
    let path: String
    /// Lent to libarchive, which calls it until `raw` is freed.
    private let source: Source

    init(of archive: ArchiveSource) throws(BundleError) {
        path = archive.name
        source = Source(archive)
        guard let raw = unsafe archive_read_new() else { throw BundleError(.storage, path, "no memory for an archive") }
        unsafe self.raw = raw
        let pointer = unsafe Unmanaged.passUnretained(source).toOpaque()
        guard unsafe archive_read_support_format_tar(raw) == ARCHIVE_OK,
            unsafe archive_read_open2(raw, pointer, nil, didWantBytes, nil, nil) == ARCHIVE_OK
        else { throw failure() }
    }

    deinit { unsafe archive_read_free(raw) }

    /// The next entry as the archive states it, not judged; nil at the end.
    func nextEntry() throws(BundleError) -> BundleEntry? {
        var header: OpaquePointer?
        switch unsafe archive_read_next_header(raw, &header) {
        case ARCHIVE_OK: break
        case ARCHIVE_EOF: return nil
        default: throw failure()
        }
        guard let path = unsafe text(archive_entry_pathname(header)) ?? text(archive_entry_pathname_utf8(header)) else {
            throw BundleError(.unsupportedEntry, self.path, "\(self.path) holds a path that is not UTF-8")
        }
        return BundleEntry(path: path, content: unsafe content(of: header))
    }

    /// Reads what follows the archive's end, too, so that whoever gives it checks all of it.
    func finish() throws(BundleError) {
        while unsafe try !source.next().isEmpty {}
    }

    func failure() -> BundleError {
        if let error = source.error { return error }
        return BundleError(.damaged, path, "\(path) is no bundle, or a damaged one: \(unsafe lastFailure(of: raw))")
    }

    private func content(of header: OpaquePointer?) -> BundleEntry.Content {
        if let target = unsafe text(archive_entry_hardlink(header)) { return .hardLink(target: target) }
        // A sparse file claims more than the archive holds; no bundle of ours has one.
        guard unsafe archive_entry_sparse_count(header) == 0 else { return .other }
        let mode = unsafe archive_entry_mode(header)
        switch mode & S_IFMT {
        case S_IFREG:
            return .file(byteCount: unsafe archive_entry_size(header), isExecutable: mode & 0o111 != 0, source: nil)
        case S_IFDIR: return .folder
        case S_IFLNK: return .link(target: unsafe text(archive_entry_symlink(header)) ?? "")
        default: return .other
        }
    }

    private func text(_ pointer: UnsafePointer<CChar>?) -> String? {
        guard let pointer = unsafe pointer else { return nil }
        return unsafe String(validatingCString: pointer)
    }

    /// Where libarchive's blocks come from.
    @safe
    fileprivate final class Source {
        private let archive: ArchiveSource
        private let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: ArchiveSource.pieceBytes, alignment: 1)
        private(set) var error: BundleError?

        init(_ archive: ArchiveSource) { self.archive = archive }

        deinit { unsafe buffer.deallocate() }

        /// The next bytes, valid until the next call; none at the end.
        func next() throws(BundleError) -> UnsafeRawBufferPointer {
            let piece = try archive.next()
            precondition(piece.count <= ArchiveSource.pieceBytes)
            unsafe buffer.copyBytes(from: piece)
            return unsafe UnsafeRawBufferPointer(rebasing: buffer[..<piece.count])
        }

        /// As libarchive wants it.
        /// - Returns: The count, or -1 and leaves ``error``.
        func next(into pointer: UnsafeMutablePointer<UnsafeRawPointer?>?) -> Int {
            do throws(BundleError) {
                let block = try unsafe next()
                unsafe pointer?.pointee = block.baseAddress
                return block.count
            } catch {
                self.error = error
                return -1
            }
        }
    }
}

private func didWantBytes(
    _ archive: OpaquePointer?, _ source: UnsafeMutableRawPointer?, _ block: UnsafeMutablePointer<UnsafeRawPointer?>?
) -> Int {
    guard let source = unsafe source else { return -1 }
    return unsafe Unmanaged<ArchiveReader.Source>.fromOpaque(source).takeUnretainedValue().next(into: block)
}
