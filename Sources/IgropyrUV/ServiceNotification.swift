internal import CLibUV
internal import Glibc

/// Reports this process's state to whoever started it, as `sd_notify(3)` does.
public enum ServiceNotification {
    /// Sends `state`, such as `READY=1`, to the socket named by `address`: a path, or `@` and an abstract name.
    ///
    /// Blocks while the kernel keeps no more for whoever listens, `longestWait` at most, which is in whole
    /// microseconds; nil: for as long as it takes.
    /// - Throws: `UV_ECONNREFUSED`, `UV_ENOENT` if nobody listens there; `UV_EAGAIN` after `longestWait`, `UV_EINTR` if
    ///   a signal ended that.
    public static func send(_ state: String, to address: String, longestWait: Duration? = nil) throws(UVError) {
        let type = Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue)
        let socket = Descriptor(owning: try check(Glibc.socket(AF_UNIX, type, 0), errnoOf: "socket"))
        if let longestWait {
            let (seconds, attoseconds) = longestWait.components
            var time = timeval(tv_sec: Int(seconds), tv_usec: Int(attoseconds / 1_000_000_000_000))
            let size = socklen_t(MemoryLayout<timeval>.size)
            try check(unsafe setsockopt(socket.number, SOL_SOCKET, SO_SNDTIMEO, &time, size), errnoOf: "setsockopt")
        }
        unsafe try UnixAddress.with(address) { sockaddr, length throws(UVError) in
            let text = Array(state.utf8)
            let sent = unsafe sendto(socket.number, text, text.count, Int32(MSG_NOSIGNAL), sockaddr, length)
            guard sent == text.count else { throw UVError(errno: errno, "sendto") }
        }
    }
}
