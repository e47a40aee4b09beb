internal import Glibc

/// A system call on a file that failed: says on which path, why, and what the operator can do.
public struct FileError: Error, Hashable, CustomStringConvertible {
    /// What was attempted, as a verb that a path follows: `read`, `create the folder`.
    public let operation: String
    public let path: String
    /// An `errno` of `<errno.h>`.
    public let errorNumber: Int32

    /// Takes the calling thread's `errno`, so nothing may come between the call that failed and this one.
    init(_ operation: String, _ path: String) {
        self.init(operation, path, errorNumber: errno)
    }

    init(_ operation: String, _ path: String, errorNumber: Int32) {
        self.operation = operation
        self.path = path
        self.errorNumber = errorNumber
    }

    public var isDiskFull: Bool { errorNumber == ENOSPC || errorNumber == EDQUOT }
    public var isMissing: Bool { errorNumber == ENOENT }

    public var description: String {
        let reason = unsafe String(cString: strerror(errorNumber))
        return "cannot \(operation) \(path): \(reason)" + advice
    }

    private var advice: String {
        switch errorNumber {
        case ENOSPC, EDQUOT: "; free space on its file system and try again"
        case EACCES, EPERM: "; run as a user who may, or change the permissions"
        case EISDIR where operation == "read": "; it wants a file: name one in that folder"
        case EISDIR where operation == "write": "; move that folder out of the way"
        case EEXIST where operation == "create the folder": "; what is there is no folder"
        case EROFS: "; choose a path on a file system that can be written"
        case EMFILE, ENFILE: "; raise the limit of open files (ulimit -n)"
        case ENOENT where operation == "write": "; its folder is missing"
        default: ""
        }
    }
}

/// An error that one of a file's may become.
protocol FileFailure: Error {
    init(_ error: FileError)

    /// The same of `path`, if it is of `aside`, what was to be renamed so, or of a file in it: that name tells nobody
    /// anything, and is another one each time.
    func said(of path: String, for aside: String) -> Self
}

extension FileFailure {
    func said(of path: String, for aside: String) -> Self { self }

    /// Runs calls on files, and turns their errors into this one.
    static func wrapping<Result: ~Copyable>(_ body: () throws(FileError) -> Result) throws(Self) -> Result {
        do { return try body() } catch { throw Self(error) }
    }
}

extension FileError: FileFailure {
    init(_ error: FileError) { self = error }

    func said(of path: String, for aside: String) -> FileError {
        self.path == aside ? FileError("write", path, errorNumber: errorNumber) : self
    }
}
