internal import IgropyrHTTP
internal import IgropyrTime
internal import IgropyrUV

/// Where the files of a folder are found, in the cache or beneath the folder; for one loop. Shelves of one folder may
/// share a cache, and none gets what another has put there: the settings of each decide what its files are sent with.
final class FileShelf {
    struct Found {
        let path: String
        let file: ServedFile
        /// Nil if all of the file is kept.
        let open: OpenFile?
    }

    enum Result {
        case file(Found)
        case folder
        case nothing
    }

    let serving: FileServing
    /// Bodies that are being compressed as they are sent.
    var running = 0
    private let folder: Folder
    private let cache: FileCache
    private let number: FileCache.ShelfNumber

    init(_ folder: Folder, _ serving: FileServing, _ cache: FileCache) {
        self.folder = folder
        self.serving = serving
        self.cache = cache
        number = cache.takeShelfNumber()
    }

    /// `path` is beneath the folder, and that of the file itself; `coding` says which of its siblings is wanted.
    func find(_ path: String, _ coding: ContentCoding = .identity, now: Timestamp) throws(UVError) -> Result {
        let key = FileCache.Key(shelf: number, path: path, coding: coding)
        let kept = cache.find(key)
        if let kept, kept.bytes != nil || kept.open != nil, cache.isFresh(kept, now) {
            return .file(Found(path: path, file: kept, open: kept.open))
        }
        cache.closeStale(now)
        switch try open(coding == .identity ? path : path + coding.fileSuffix) {
        case .file(let file):
            guard let kept, kept.identity == file.identity, kept.isSettled else {
                return .file(try take(file, key, now))
            }
            if !cache.isFresh(kept, now) {
                kept.checkedAt = now
                kept.missingSiblings = []
            }
            if kept.bytes == nil { cache.keepOpen(kept, file) }
            return .file(Found(path: path, file: kept, open: kept.bytes == nil ? file : nil))
        case .folder:
            cache.remove(key)
            return .folder
        case nil:
            cache.remove(key)
            return .nothing
        }
    }

    /// The sibling in that coding; nil if there is none.
    func sibling(of found: Found, _ coding: ContentCoding, now: Timestamp) throws(UVError) -> Found? {
        guard !found.file.missingSiblings.contains(coding) else { return nil }
        if case .file(let sibling) = try find(found.path, coding, now: now) { return sibling }
        found.file.missingSiblings.insert(coding)
        return nil
    }

    /// Keeps what compression made of a file.
    func keep(_ encoded: [UInt8], _ coding: ContentCoding, of found: Found) {
        let key = FileCache.Key(shelf: number, path: found.path, coding: .identity)
        cache.keep(encoded, coding, of: found.file, for: key)
    }

    private func take(_ file: OpenFile, _ key: FileCache.Key, _ now: Timestamp) throws(UVError) -> Found {
        var bytes: [UInt8]?
        if file.size <= serving.cache.fileBytes {
            let read = try file.read(at: 0, count: file.size)
            // One that is being written is not kept; to send it will show what has become of it.
            if read.count == file.size { bytes = read }
        }
        let served = ServedFile(
            file, bytes: bytes, path: key.path, coding: key.coding, serving, now: now,
            clock: EventLoop.secondsSince1970)
        cache.insert(served, for: key)
        if bytes == nil { cache.keepOpen(served, file) }
        return Found(path: key.path, file: served, open: bytes == nil ? file : nil)
    }

    /// Nil for what cannot be opened, whatever the reason: which it was is not the client's business.
    private func open(_ path: String) throws(UVError) -> Folder.Entry? {
        do throws(UVError) {
            return try folder.open(beneath: path)
        } catch {
            guard error.isAbsence else { throw error }
            return nil
        }
    }
}
