/// Why a bundle was not made, stored or unpacked. Whatever was half done is gone again.
public struct BundleError: Error, Hashable, CustomStringConvertible {
    public struct Code: Hashable, Sendable {
        private let name: StaticName

        private enum StaticName {
            case missing, noApplication, notExecutable, unsupportedEntry, escapes, changed, tooLarge, tooManyEntries
            case damaged, digestMismatch, diskFull, storage
        }

        /// Nothing there: no such source, or no bundle with that digest.
        public static let missing = Code(name: .missing)
        /// A folder that says by nothing what it is.
        public static let noApplication = Code(name: .noApplication)
        /// A single file without permission to execute it.
        public static let notExecutable = Code(name: .notExecutable)
        /// A socket, fifo or device, or a name that is not UTF-8.
        public static let unsupportedEntry = Code(name: .unsupportedEntry)
        /// A path or link that leads, or may lead, out of the bundle.
        public static let escapes = Code(name: .escapes)
        /// A file grew or shrank while it was read.
        public static let changed = Code(name: .changed)
        public static let tooLarge = Code(name: .tooLarge)
        public static let tooManyEntries = Code(name: .tooManyEntries)
        /// No archive, or a broken one.
        public static let damaged = Code(name: .damaged)
        /// The bytes are not those that the digest names.
        public static let digestMismatch = Code(name: .digestMismatch)
        public static let diskFull = Code(name: .diskFull)
        /// Any other failure of the file system.
        public static let storage = Code(name: .storage)
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
