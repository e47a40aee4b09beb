internal import Glibc

/// Unix socket addresses as C has them.
enum UnixAddress {
    static func with<Result>(
        _ name: String, _ body: (UnsafePointer<sockaddr>, socklen_t) throws(UVError) -> Result
    ) throws(UVError) -> Result {
        guard name.hasPrefix("@") else { return try unsafe lend(Array(name.utf8) + [0], body) }
        return try unsafe withAbstract(String(name.dropFirst()), body)
    }

    /// An abstract name begins with a NUL and has no terminator (`unix(7)`).
    static func withAbstract<Result>(
        _ name: String, _ body: (UnsafePointer<sockaddr>, socklen_t) throws(UVError) -> Result
    ) throws(UVError) -> Result {
        try unsafe lend([0] + Array(name.utf8), body)
    }

    private static func lend<Result>(
        _ path: [UInt8], _ body: (UnsafePointer<sockaddr>, socklen_t) throws(UVError) -> Result
    ) throws(UVError) -> Result {
        var address = sockaddr_un()
        guard path.count <= MemoryLayout.size(ofValue: address.sun_path) else {
            throw UVError(errno: ENAMETOOLONG, "bind")
        }
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + path.count)
        return try unsafe withUnsafePointer(to: &address) { pointer throws(UVError) in
            try unsafe body(UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self), length)
        }
    }
}
