internal import Glibc
internal import IgropyrText

/// Calls on paths that block: for the thread pool, never a loop's thread.
enum FileSystem {
    static func status(of path: String) throws(FileError) -> FileStatus {
        var raw = stat()
        guard unsafe lstat(path, &raw) == 0 else { throw FileError("examine", path) }
        return FileStatus(raw)
    }

    /// Nil only if it is certain that nothing is there.
    static func statusIfPresent(of path: String) throws(FileError) -> FileStatus? {
        do throws(FileError) { return try status(of: path) } catch {
            guard error.isMissing || error.errorNumber == ENOTDIR else { throw error }
            return nil
        }
    }

    /// Of the path, or else of the first folder above it that is there; of what links lead to.
    static func nearest(to path: String) throws(FileError) -> FileStatus {
        if try statusIfPresent(of: path) != nil { return try status(of: resolved(path)) }
        let parent = parent(of: path)
        guard parent != path else { throw FileError("examine", path, errorNumber: ENOENT) }
        return try nearest(to: parent)
    }

    static func exists(_ path: String) -> Bool { (try? status(of: path)) != nil }

    /// The path without links and dots; every component must exist.
    static func resolved(_ path: String) throws(FileError) -> String {
        guard let resolved = unsafe realpath(path, nil) else { throw FileError("find", path) }
        defer { unsafe free(resolved) }
        return unsafe String(cString: resolved)
    }

    /// The names in a folder, in no order.
    /// - Throws: `EILSEQ` for a name that is not UTF-8.
    static func names(in folder: String) throws(FileError) -> [String] {
        guard let stream = unsafe opendir(folder) else { throw FileError("list", folder) }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = unsafe readdir(stream) else { break }
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { field in
                unsafe field.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(validatingCString: $0) }
            }
            guard let name else { throw FileError("read a name in", folder, errorNumber: EILSEQ) }
            if name != "." && name != ".." { names.append(name) }
        }
        guard errno == 0 else { throw FileError("list", folder) }
        return names
    }

    /// What the file system of a path has, and what of it is free to this user.
    static func space(at path: String) throws(FileError) -> (totalBytes: Int64, freeBytes: Int64) {
        var raw = statvfs()
        guard unsafe statvfs(path, &raw) == 0 else { throw FileError("examine the file system of", path) }
        let block = Int64(clamping: raw.f_frsize)
        return (Int64(clamping: raw.f_blocks) * block, Int64(clamping: raw.f_bavail) * block)
    }

    static func linkTarget(of path: String) throws(FileError) -> String {
        var target = [CChar](repeating: 0, count: 4096)  // PATH_MAX: no longer one exists.
        let count = unsafe readlink(path, &target, target.count)
        guard count >= 0 else { throw FileError("read the link", path) }
        guard let text = String(validating: target[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self) else {
            throw FileError("read the link", path, errorNumber: EILSEQ)
        }
        return text
    }

    /// Creates the folder and those above it that are missing, with `permissions`; one that exists stays as it is.
    static func createFolders(_ path: String, permissions: UInt32) throws(FileError) {
        do throws(FileError) {
            try createFolder(path, permissions: permissions)
        } catch let error where error.isMissing {
            let parent = parent(of: path)
            guard parent != path else { throw error }
            try createFolders(parent, permissions: permissions)
            do throws(FileError) {
                try createFolder(path, permissions: permissions)
            } catch let error where error.errorNumber == EEXIST {}  // Somebody else was faster.
        } catch let error where error.errorNumber == EEXIST {
            // Through links: a data folder may be one.
            guard (try? FileSystem.status(of: resolved(path)).kind) == .folder else { throw error }
        }
    }

    /// With just these permissions, whatever mask this process was started with: other users' workers are to get in, or
    /// not.
    static func createFolder(_ path: String, permissions: UInt32) throws(FileError) {
        guard unsafe mkdir(path, permissions) == 0, unsafe chmod(path, permissions) == 0 else {
            throw FileError("create the folder", path)
        }
    }

    /// Replaces a file at `target` at once; nobody sees it missing or half there.
    static func rename(_ path: String, to target: String) throws(FileError) {
        guard unsafe Glibc.rename(path, target) == 0 else { throw FileError("rename \(path) to", target) }
    }

    /// Copies the first `limitBytes` of a file to a new one, mode 0600.
    static func copy(_ path: String, to target: String, limitBytes: Int64) throws(FileError) {
        let source = try BlockingFile(path, .read)
        let copy = try BlockingFile(target, .createNew(permissions: 0o600))
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 1)
        defer { unsafe chunk.deallocate() }
        var rest = limitBytes
        while rest > 0 {
            let count = try unsafe source.read(into: chunk)
            guard count > 0 else { return }
            let part = unsafe UnsafeRawBufferPointer(rebasing: chunk[..<Int(min(rest, Int64(count)))])
            try unsafe copy.write(part.bytes)
            rest -= Int64(count)
        }
    }

    /// Makes what was created, renamed or removed in a folder last through a power cut.
    static func synchronizeFolder(_ path: String) throws(FileError) {
        try BlockingFile(path, .folder).synchronize()
    }

    static func parent(of path: String) -> String {
        var names = path.pathNames
        if names.last == "", names.count > 1 { names.removeLast() }
        guard names.count > 1 else { return path.utf8.first == UInt8(ascii: "/") ? "/" : "." }
        return names.count == 2 && names[0].isEmpty ? "/" : names.dropLast().joined(separator: "/")
    }

    static func name(of path: String) -> String {
        path.pathNames.last { !$0.isEmpty } ?? ""
    }

    /// Puts what `make` writes under the name that it gets, beside `path`, in the place of that: whoever reads finds
    /// what was there or all of the new. What fails leaves nothing behind.
    static func replace<Failure: FileFailure, Result>(
        _ path: String, by make: (_ aside: String) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let aside = temporarySibling(of: path)
        do throws(Failure) {
            let result = try make(aside)
            try Failure.wrapping { () throws(FileError) in
                guard unsafe Glibc.rename(aside, path) == 0 else { throw FileError("write", path) }
            }
            return result
        } catch {
            try? removeTree(aside)
            throw error.said(of: path, for: aside)
        }
    }

    /// A hidden name beside `path`, for what is renamed to `path` once it is whole. Random, so that two threads or
    /// two runs do not meet.
    static func temporarySibling(of path: String) -> String {
        "\(parent(of: path))/\(temporaryPrefix)\(name(of: path)).\(String(UInt64.random(in: .min ... .max), radix: 36))"
    }

    /// What begins so is unfinished: whoever owns the folder may remove it when it starts.
    static let temporaryPrefix = ".unfinished-"
}
