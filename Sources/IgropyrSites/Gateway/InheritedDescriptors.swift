internal import Glibc

/// What this process was started with open beside its standard input, output and errors, such as the sockets of a node: programs
/// are not to have it. What is opened later is closed on exec from the beginning.
enum InheritedDescriptors {
    /// Numbers are given from below, so nobody inherits higher ones.
    private static let limit: Int32 = 1024

    static func keepFromPrograms() {
        for descriptor in 3..<limit {
            let flags = fcntl(descriptor, F_GETFD)
            if flags >= 0 { _ = fcntl(descriptor, F_SETFD, flags | FD_CLOEXEC) }
        }
    }
}
