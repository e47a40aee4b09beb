internal import CArchive

/// The kinds of a mode. libarchive's `AE_IF…` are casts, which Swift does not import; the values are POSIX's `S_IF…`.
enum ArchiveMode {
    static let kindMask: UInt32 = 0o170000
    static let file: UInt32 = 0o100000
    static let link: UInt32 = 0o120000
    static let folder: UInt32 = 0o040000
}

/// What libarchive says about its last failure.
func lastFailure(of archive: OpaquePointer) -> String {
    guard let text = unsafe archive_error_string(archive) else { return "unknown error" }
    return unsafe String(cString: text)
}
