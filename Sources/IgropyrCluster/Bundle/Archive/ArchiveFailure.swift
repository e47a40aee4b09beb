internal import CArchive

/// What libarchive says about its last failure.
func lastFailure(of archive: OpaquePointer) -> String {
    guard let text = unsafe archive_error_string(archive) else { return "unknown error" }
    return unsafe String(cString: text)
}
