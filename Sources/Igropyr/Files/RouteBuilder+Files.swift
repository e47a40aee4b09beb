internal import IgropyrUV

extension RouteBuilder {
    /// Answers GET under `pattern` with the files of a folder.
    ///
    /// Regular files only, no symbolic links below the folder itself, no name that begins with a dot but `.well-known`,
    /// no listing: a path that ends with a slash is its `index.html`. Routes that say more come first, so that files and
    /// handlers can share a prefix. Opening a file and reading a small one is done on the loop: with the file in the
    /// kernel's cache it takes 3 µs, the way to another thread and back 10 to 40. A slow disk makes the loop wait.
    public func files(_ pattern: String, from path: String) {
        do throws(UVError) {
            let folder = StaticFolder(try Folder(path))
            get(pattern.hasSuffix("/") ? pattern + "**" : pattern + "/**") { request in
                try folder.response(to: request)
            }
        } catch {
            noteMistake(FolderUnusable(path: path, reason: error.reason))
        }
    }
}

/// A folder of files that cannot be served.
struct FolderUnusable: Error, CustomStringConvertible {
    let path: String
    let reason: String
    var description: String { "cannot serve files from \(path): \(reason)" }
}
