internal import IgropyrHTTP

/// The files that were asked for last; belongs to one loop.
final class FileCache {
    struct Key: Hashable {
        /// Beneath the folder, of the file itself, whatever the coding of the sibling.
        let path: String
        let coding: ContentCoding
    }

    private struct Entry {
        let file: ServedFile
        /// As it was counted.
        var cost: Int
        var newer: Key?
        var older: Key?
    }

    private let limits: FileCacheLimits
    private var entries: [Key: Entry] = [:]
    private var newest: Key?
    private var oldest: Key?
    private(set) var bytes = 0

    init(_ limits: FileCacheLimits) { self.limits = limits }

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
