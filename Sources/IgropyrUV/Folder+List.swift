internal import CLinux
internal import Glibc

extension Folder {
    /// What a folder holds.
    public struct Listing: Sendable {
        /// In no order. Files and folders only, and what a symbolic link that is followed leads to; nothing whose name
        /// is not UTF-8.
        public var items: [Item] = []
        /// Whether there was more than could be listed.
        public var isCut = false
    }

    public struct Item: Sendable, Hashable {
        public let name: String
        public let isFolder: Bool
        /// In bytes; of no meaning for a folder.
        public let size: Int
        public let modified: OpenFile.Time
    }

    /// What the folder at `path` beneath this one holds, up to `limit` names of it. About 1 µs a name.
    /// - Throws: as ``open(beneath:)``.
    public func list(beneath path: String, limit: Int) throws(UVError) -> Listing {
        let opened = try openDescriptor(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard let stream = unsafe fdopendir(opened.number) else { throw UVError(errno: errno, "fdopendir") }
        defer { unsafe closedir(stream) }
        let folder = opened.take()  // The stream's.
        var listing = Listing()
        var count = 0
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { field in
                // The kernel ends the name with a zero byte, within the field.
                unsafe String(validatingCString: UnsafeRawPointer(field).assumingMemoryBound(to: CChar.self))
            }
            guard let name, name != ".", name != ".." else { continue }
            guard count < limit else {
                listing.isCut = true
                return listing
            }
            count += 1
            if let item = item(name, in: folder, path: path) { listing.items.append(item) }
        }
        return listing
    }

    /// Nil for what is not served, and for what is gone by now.
    private func item(_ name: String, in folder: Int32, path: String) -> Item? {
        var status = stat()
        guard unsafe fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { return nil }
        if status.st_mode & S_IFMT == S_IFLNK {
            guard let target = try? openDescriptor(path.isEmpty ? name : path + "/" + name, igropyr_O_PATH | O_CLOEXEC)
            else {
                return nil
            }
            guard unsafe fstat(target.number, &status) == 0 else { return nil }
        }
        let type = status.st_mode & S_IFMT
        guard type == S_IFREG || type == S_IFDIR else { return nil }
        return Item(
            name: name, isFolder: type == S_IFDIR, size: Int(status.st_size), modified: OpenFile.Time(status.st_mtim))
    }
}
