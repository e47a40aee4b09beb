internal import CLibUV
internal import Glibc

/// What libuv or the kernel answered to a call, as libuv's negative code.
public struct UVError: Error, Hashable, Sendable, CustomStringConvertible {
    /// libuv's code: on Linux, minus `errno`.
    public let code: Int32
    /// The call that failed, such as `bind`.
    public let call: String

    public init(code: Int32, call: String) {
        self.code = code
        self.call = call
    }

    /// The kernel's answer to the call just made on this thread.
    init(errno code: Int32, _ call: String) { self.init(code: -code, call: call) }

    public var description: String { "\(call): \(reason)" }

    /// What libuv says of the code, such as "address already in use".
    public var reason: String { unsafe String(cString: uv_strerror(code)) }

    public static let addressInUse = UV_EADDRINUSE.rawValue
    public static let addressNotAvailable = UV_EADDRNOTAVAIL.rawValue
    public static let accessDenied = UV_EACCES.rawValue
    public static let connectionRefused = UV_ECONNREFUSED.rawValue
    public static let connectionReset = UV_ECONNRESET.rawValue
    public static let brokenPipe = UV_EPIPE.rawValue
    public static let cancelled = UV_ECANCELED.rawValue
    public static let timedOut = UV_ETIMEDOUT.rawValue
    public static let busy = UV_EBUSY.rawValue
    public static let tryAgain = UV_EAGAIN.rawValue
    public static let interrupted = UV_EINTR.rawValue
    public static let invalidArgument = UV_EINVAL.rawValue
    public static let tooManyOpenFiles = UV_EMFILE.rawValue
    public static let tooManyOpenFilesInSystem = UV_ENFILE.rawValue
    public static let outOfMemory = UV_ENOMEM.rawValue
    public static let notFound = UV_ENOENT.rawValue
    public static let notAFolder = UV_ENOTDIR.rawValue
    public static let tooManySymlinks = UV_ELOOP.rawValue
    public static let leadsElsewhere = UV_EXDEV.rawValue
    public static let nameTooLong = UV_ENAMETOOLONG.rawValue
    public static let notPermitted = UV_EPERM.rawValue
    public static let noSuchProcess = UV_ESRCH.rawValue
    public static let noSuchDevice = UV_ENXIO.rawValue
    public static let unknownName = UV_EAI_NONAME.rawValue
    public static let nameWithoutData = UV_EAI_NODATA.rawValue
    public static let nameServerBusy = UV_EAI_AGAIN.rawValue
    public static let nameServerFailed = UV_EAI_FAIL.rawValue
}

/// Throws what a libuv function answered if it is an error; else hands the answer on.
@discardableResult
func check(_ result: Int32, _ call: String) throws(UVError) -> Int32 {
    guard result >= 0 else { throw UVError(code: result, call: call) }
    return result
}

/// Throws `errno` if a system call answered -1; else hands its answer on.
@discardableResult
func check(_ result: Int32, errnoOf call: String) throws(UVError) -> Int32 {
    guard result >= 0 else { throw UVError(errno: errno, call) }
    return result
}
