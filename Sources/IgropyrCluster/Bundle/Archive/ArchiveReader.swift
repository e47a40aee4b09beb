internal import CArchive
internal import Crypto
internal import IgropyrOrchestration

/// Reads a tar archive from a file, entry by entry, and hashes the whole file.
///
/// Reads no compressed archive: bundles are none, and a decompressor is more to attack.
@safe
final class ArchiveReader {
    /// Lent to the extractor, between two calls of ``nextEntry()``.
    let raw: OpaquePointer
    let path: String
    /// Lent to libarchive, which calls it until `raw` is freed.
    private let source: Source

    init(of path: String) throws(BundleError) {
        self.path = path
        source = try Source(path)
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

    /// Reads what follows the archive's end, too, and tells the digest of the file.
    func finish() throws(BundleError) -> BundleDigest {
        try BundleError.wrapping { () throws(FileError) in try source.finish() }
    }

    func failure() -> BundleError {
        if let error = source.error { return BundleError(error) }
        return BundleError(.damaged, path, "\(path) is no bundle, or a damaged one: \(unsafe errorText(raw))")
    }

    private func content(of header: OpaquePointer?) -> BundleEntry.Content {
        if let target = unsafe text(archive_entry_hardlink(header)) { return .hardLink(target: target) }
        let mode = unsafe archive_entry_mode(header)
        switch mode & fileKindMask {
        case regularFile:
            return .file(byteCount: unsafe archive_entry_size(header), isExecutable: mode & 0o111 != 0, source: nil)
        case folder: return .folder
        case symbolicLink: return .link(target: unsafe text(archive_entry_symlink(header)) ?? "")
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
        private let file: OpenFile
        private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 1)
        private var hash = SHA256()
        private(set) var error: FileError?

        init(_ path: String) throws(BundleError) {
            file = try BundleError.wrapping { () throws(FileError) in try OpenFile(path, .read) }
        }

        deinit { unsafe buffer.deallocate() }

        /// The next bytes, valid until the next call; none at the end.
        func next() throws(FileError) -> UnsafeRawBufferPointer {
            let count = try unsafe file.read(into: buffer)
            let block = unsafe UnsafeRawBufferPointer(rebasing: buffer[..<count])
            unsafe hash.update(bufferPointer: block)
            return unsafe block
        }

        /// As libarchive wants it.
        /// - Returns: The count, or -1 and leaves ``error``.
        func next(into pointer: UnsafeMutablePointer<UnsafeRawPointer?>?) -> Int {
            do throws(FileError) {
                let block = try unsafe next()
                unsafe pointer?.pointee = block.baseAddress
                return block.count
            } catch {
                self.error = error
                return -1
            }
        }

        func finish() throws(FileError) -> BundleDigest {
            while unsafe try !next().isEmpty {}
            return BundleDigest(hash.finalize())
        }
    }
}

private func didWantBytes(
    _ archive: OpaquePointer?, _ source: UnsafeMutableRawPointer?, _ block: UnsafeMutablePointer<UnsafeRawPointer?>?
) -> Int {
    guard let source = unsafe source else { return -1 }
    return unsafe Unmanaged<ArchiveReader.Source>.fromOpaque(source).takeUnretainedValue().next(into: block)
}
