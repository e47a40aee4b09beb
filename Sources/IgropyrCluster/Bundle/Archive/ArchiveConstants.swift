internal import CArchive

// libarchive's `AE_IF…` are casts, which Swift does not import; the values are POSIX's `S_IF…`.
let fileKindMask: UInt32 = 0o170000
let regularFile: UInt32 = 0o100000
let symbolicLink: UInt32 = 0o120000
let folder: UInt32 = 0o040000

/// What libarchive says about its last failure.
func errorText(_ archive: OpaquePointer) -> String {
    guard let text = unsafe archive_error_string(archive) else { return "unknown error" }
    return unsafe String(cString: text)
}
