internal import CArchive
internal import Glibc
internal import IgropyrBundles

/// Writes an archive to a new file, entry by entry, and indexes what it writes. The file is the caller's to remove if
/// this fails.
@safe
final class ArchiveWriter {
    private let raw: OpaquePointer
    /// Lent to libarchive, which calls it until `raw` is freed.
    private let sink: Sink

    init(to path: String) throws(BundleError) {
        sink = try Sink(path)
        guard let raw = unsafe archive_write_new() else {
            throw BundleError(.storage, path, "no memory for an archive")
        }
        unsafe self.raw = raw
        try check(unsafe archive_write_set_format_gnutar(raw))
        let pointer = unsafe Unmanaged.passUnretained(sink).toOpaque()
        try check(unsafe archive_write_open2(raw, pointer, nil, didFillBlock, nil, nil))
    }

    deinit { unsafe archive_write_free(raw) }

    /// Appends an entry that was planned; a file's content comes in pieces, `onBytes` gets the count of each.
    func append(_ entry: BundleEntry, onBytes: (Int) -> Void) throws(BundleError) {
        let header = unsafe archive_entry_new()
        defer { unsafe archive_entry_free(header) }
        unsafe archive_entry_copy_pathname(header, entry.path)
        unsafe archive_entry_set_mtime(header, 0, 0)
        switch entry.content {
        case .file(let byteCount, let isExecutable, let source?):
            unsafe archive_entry_set_mode(header, S_IFREG | (isExecutable ? 0o755 : 0o644))
            unsafe archive_entry_set_size(header, byteCount)
            try check(unsafe archive_write_header(raw, header))
            try copy(source, byteCount: byteCount, onBytes)
        case .folder:
            unsafe archive_entry_set_mode(header, S_IFDIR | 0o755)
            try check(unsafe archive_write_header(raw, header))
        case .link(let target):
            unsafe archive_entry_set_mode(header, S_IFLNK | 0o777)
            unsafe archive_entry_copy_symlink(header, target)
            try check(unsafe archive_write_header(raw, header))
        case .file(_, _, nil), .hardLink, .other:
            preconditionFailure("no plan holds such an entry")
        }
    }

    func finish(machines: Set<ProgramMachine>) throws(BundleError) -> BundleIndex {
        try check(unsafe archive_write_close(raw))
        do throws(BundleIndexError) {
            return try sink.indexer.finish(machines: machines)
        } catch {
            throw BundleError(.tooLarge, sink.path, "the archive has more than \(BundleIndex.archiveLimitBytes) bytes")
        }
    }

    private func copy(_ source: String, byteCount: Int64, _ onBytes: (Int) -> Void) throws(BundleError) {
        let file = try BundleError.wrapping { () throws(FileError) in try BlockingFile(source, .read) }
        let status = try BundleError.wrapping { () throws(FileError) in try file.status() }
        guard status.kind == .file else { throw changed(source) }
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 1)
        defer { unsafe chunk.deallocate() }
        var left = byteCount
        while true {
            let count = try BundleError.wrapping { () throws(FileError) in try unsafe file.read(into: chunk) }
            guard count > 0 else { break }
            guard count <= left else { throw changed(source) }
            guard unsafe archive_write_data(raw, chunk.baseAddress, count) == count else { throw failure() }
            left -= Int64(count)
            onBytes(count)
        }
        guard left == 0 else { throw changed(source) }
    }

    private func changed(_ source: String) -> BundleError {
        BundleError(.changed, source, "\(source) changed while it was read; try again once nothing writes to it")
    }

    private func check(_ result: Int32) throws(BundleError) {
        // A warning (say, a name cut short) would make an archive that is not what was planned.
        guard result == ARCHIVE_OK else { throw failure() }
    }

    private func failure() -> BundleError {
        if let error = sink.error { return BundleError(error) }
        return BundleError(.storage, sink.path, "cannot write \(sink.path): \(unsafe lastFailure(of: raw))")
    }

    /// Where libarchive's blocks go.
    @safe
    fileprivate final class Sink {
        let path: String
        private let file: BlockingFile
        var indexer = BundleIndexer()
        private(set) var error: FileError?

        init(_ path: String) throws(BundleError) {
            self.path = path
            file = try BundleError.wrapping { () throws(FileError) in
                try BlockingFile(path, .createNew(permissions: 0o644))
            }
        }

        /// - Returns: The count, or -1 and leaves ``error``.
        func write(_ block: UnsafeRawBufferPointer) -> Int {
            do throws(FileError) {
                try unsafe file.write(block.bytes)
            } catch {
                self.error = error
                return -1
            }
            indexer.append(unsafe Array(block))
            return block.count
        }
    }
}

private func didFillBlock(
    _ archive: OpaquePointer?, _ sink: UnsafeMutableRawPointer?, _ block: UnsafeRawPointer?, _ count: Int
) -> Int {
    guard let sink = unsafe sink else { return -1 }
    let owner = unsafe Unmanaged<ArchiveWriter.Sink>.fromOpaque(sink).takeUnretainedValue()
    return unsafe owner.write(UnsafeRawBufferPointer(start: block, count: count))
}
