/// Why a bundle was not made, stored or unpacked. Whatever was half done is gone again.
public struct BundleError: Error, Hashable, CustomStringConvertible {
    public enum Code: Hashable, Sendable {
        /// Nothing there: no such source, or no bundle with that digest.
        case missing
        /// A folder that says by nothing what it is.
        case noApplication
        /// A single file without permission to execute it.
        case notExecutable
        /// A socket, fifo or device, or a name that is not UTF-8.
        case unsupportedEntry
        /// A path or link that leads, or may lead, out of the bundle.
        case escapes
        /// A file grew or shrank while it was read.
        case changed
        case tooLarge
        case tooManyEntries
        /// No archive, or a broken one.
        case damaged
        /// The bytes are not those that the digest names.
        case digestMismatch
        case diskFull
        /// Any other failure of the file system.
        case storage
    }

    public let code: Code
    public let path: String
    /// One line: the cause and what to do.
    public let description: String

    init(_ code: Code, _ path: String, _ description: String) {
        self.code = code
        self.path = path
        self.description = description
    }
}

extension BundleError: FileFailure {
    init(_ error: FileError) {
        self.init(error.isDiskFull ? .diskFull : .storage, error.path, error.description)
    }

    func said(of path: String, for aside: String) -> BundleError {
        // By its name only: what leads there may have been resolved.
        let (unfinished, name) = (FileSystem.name(of: aside), FileSystem.name(of: path))
        return BundleError(
            code, self.path.replacing(unfinished, with: name), description.replacing(unfinished, with: name))
    }
}
