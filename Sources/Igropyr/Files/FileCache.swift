internal import IgropyrHTTP
internal import IgropyrTime
internal import IgropyrUV

/// The files of a folder that were asked for last, and those that are open; belongs to one loop.
package final class FileCache {
    struct Key: Hashable {
        /// By whose settings it is served.
        let shelf: ShelfNumber
        /// Beneath the folder, of the file itself, whatever the coding of the sibling.
        let path: String
        let coding: ContentCoding
    }

    /// Tells the shelves of one cache apart.
    typealias ShelfNumber = Int

    private struct Entry {
        let file: ServedFile
        /// As it was counted.
        var cost: Int
        var newer: Key?
        var older: Key?
    }

    private let limits: FileCacheLimits
    private var shelves = 0
    /// Files whose descriptors are kept; in the order in which they were looked at.
    private var openFiles: [ServedFile] = []
    private var entries: [Key: Entry] = [:]
    private var newest: Key?
    private var oldest: Key?
    private(set) var bytes = 0

    package init(_ limits: FileCacheLimits) { self.limits = limits }

    func takeShelfNumber() -> ShelfNumber {
        shelves += 1
        return shelves
    }

    var count: Int { entries.count }

    /// The file, which thereby becomes the newest.
    func find(_ key: Key) -> ServedFile? {
        guard let entry = entries[key] else { return nil }
        if newest != key {
            unlink(entry)
            link(key)
        }
        return entry.file
    }

    /// Takes the file in, in place of what the key had; what was not asked for longest makes room.
    func insert(_ file: ServedFile, for key: Key) {
        remove(key)
        let cost = file.cost
        guard cost <= limits.bytes, limits.entries > 0 else { return }
        entries[key] = Entry(file: file, cost: cost)
        bytes += cost
        link(key)
        makeRoom()
    }

    func remove(_ key: Key) {
        guard let entry = entries.removeValue(forKey: key) else { return }
        bytes -= entry.cost
        unlink(entry)
    }

    /// Keeps a result of compression with its file, if that is still here.
    func keep(_ encoded: [UInt8], _ coding: ContentCoding, of file: ServedFile, for key: Key) {
        guard let entry = entries[key], entry.file === file else { return }
        guard encoded.count <= limits.encodedBytes, entry.cost + encoded.count <= limits.bytes else { return }
        file.keep(encoded, encodedBy: coding)
        bytes += file.cost - entry.cost
        entries[key]?.cost = file.cost
        makeRoom()
    }

    func isFresh(_ file: ServedFile, _ now: Timestamp) -> Bool {
        now < file.checkedAt.advanced(by: limits.staleness)
    }

    /// Keeps the descriptor for the next request.
    func keepOpen(_ served: ServedFile, _ file: OpenFile) {
        guard limits.descriptors > 0 else { return }
        if openFiles.count >= limits.descriptors { openFiles.removeFirst().open = nil }
        served.open = file
        openFiles.append(served)
    }

    func closeStale(_ now: Timestamp) {
        while let first = openFiles.first, !isFresh(first, now) { openFiles.removeFirst().open = nil }
    }

    private func makeRoom() {
        while bytes > limits.bytes || entries.count > limits.entries, let oldest { remove(oldest) }
    }

    /// Makes an entry the newest.
    private func link(_ key: Key) {
        entries[key]?.older = newest
        entries[key]?.newer = nil
        if let newest { entries[newest]?.newer = key } else { oldest = key }
        newest = key
    }

    private func unlink(_ entry: Entry) {
        if let newer = entry.newer { entries[newer]?.older = entry.older } else { newest = entry.older }
        if let older = entry.older { entries[older]?.newer = entry.newer } else { oldest = entry.newer }
    }
}
