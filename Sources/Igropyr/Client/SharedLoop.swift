internal import IgropyrUV

/// Where lives what no handler has opened, and yet needs a loop, such as clients.
enum SharedLoop {
    static let thread = Result { () throws(UVError) in try EventLoopThread(name: "igropyr-client") }

    /// The loop that this runs on, or else the one that all clients of the process share.
    static func current() throws(UVError) -> EventLoop {
        if let loop = EventLoop.current { return loop }
        return try thread.get().loop
    }
}
