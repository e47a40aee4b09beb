internal import Glibc

extension FileSystem {
    /// What is deeper is left, with an error; a process that goes on making folders would otherwise keep the thread for
    /// good.
    private static let deepestTree = 1 << 16

    /// Removes a file, a link or a folder with all that it holds; none there is fine.
    ///
    /// Others may change the folder meanwhile, as a process that has outlived its worker: so names count in open
    /// folders only, and a link that has taken a folder's place is not followed (as in CVE-2022-21658). What stands
    /// deeper is moved to the top before it goes: depth costs neither stack nor descriptors, and no path gets too long.
    static func removeTree(_ path: String) throws(FileError) {
        guard unsafe unlink(path) != 0, errno != ENOENT else { return }
        guard errno == EISDIR else { throw FileError("remove", path) }
        if let folder = try OpenFolder(Array(path.utf8CString), in: AT_FDCWD, path: path) {
            var level = 0
            while try removeEntries(of: folder), level < deepestTree { level += 1 }
        }
        guard unsafe rmdir(path) == 0 || errno == ENOENT else { throw FileError("remove", path) }
    }

    /// - Returns: whether folders were moved up, and there is more to do.
    private static func removeEntries(of top: borrowing OpenFolder) throws(FileError) -> Bool {
        var hasMore = false
        top.rewind()
        while let name = try top.nextName() {
            guard try !top.remove(name), let folder = try OpenFolder(name, in: top.descriptor, path: top.path) else {
                continue
            }
            while let inner = try folder.nextName() {
                if try folder.remove(inner) { continue }
                try folder.move(inner, to: top)
                hasMore = true
            }
            _ = try top.remove(name)
        }
        return hasMore
    }
}

/// A folder as it was when it was opened, wherever its path leads by now.
@safe
private struct OpenFolder: ~Copyable {
    /// Ends with a NUL; need not be UTF-8.
    typealias Name = [CChar]

    /// For errors.
    let path: String
    let descriptor: Int32
    private let stream: OpaquePointer

    /// Nil if there is no folder of that name, or not any more.
    init?(_ name: Name, in parent: Int32, path: String) throws(FileError) {
        let descriptor = unsafe openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else {
            guard [ENOENT, ENOTDIR, ELOOP].contains(errno) else { throw FileError("list", path) }
            return nil
        }
        guard let stream = unsafe fdopendir(descriptor) else {
            let error = FileError("list", path)
            close(descriptor)
            throw error
        }
        unsafe (self.path, self.descriptor, self.stream) = (path, descriptor, stream)
    }

    deinit { unsafe closedir(stream) }

    func rewind() { unsafe rewinddir(stream) }

    /// Nil at the end.
    func nextName() throws(FileError) -> Name? {
        while true {
            errno = 0
            guard let entry = unsafe readdir(stream) else {
                guard errno == 0 else { throw FileError("list", path) }
                return nil
            }
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { field in
                unsafe field.prefix { $0 != 0 }.map { CChar(bitPattern: $0) }
            }
            if name != [dot], name != [dot, dot] { return name + [0] }
        }
    }

    /// - Returns: false for a folder that is not empty.
    func remove(_ name: Name) throws(FileError) -> Bool {
        if unsafe unlinkat(descriptor, name, 0) == 0 || errno == ENOENT { return true }
        guard errno == EISDIR else { throw FileError("remove what is in", path) }
        if unsafe unlinkat(descriptor, name, Int32(AT_REMOVEDIR)) == 0 { return true }
        switch errno {
        case ENOENT, ENOTDIR: return true  // Somebody has put something else there; the folder's own removal shows it.
        case ENOTEMPTY, EEXIST: return false
        default: throw FileError("remove what is in", path)
        }
    }

    func move(_ name: Name, to other: borrowing OpenFolder) throws(FileError) {
        let free = String(UInt64.random(in: .min ... .max), radix: 36)
        guard unsafe renameat(descriptor, name, other.descriptor, free) == 0 || errno == ENOENT else {
            throw FileError("remove what is in", path)
        }
    }
}

private let dot = CChar(bitPattern: UInt8(ascii: "."))
