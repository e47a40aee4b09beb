internal import IgropyrUV

/// The threads that write the lines of logs that are open, and may block: one for each file system, and one for all
/// that has a reader, which blocks nobody. A program may have hundreds of logs, mostly on one disk; one that hangs,
/// such as a server's that has gone, holds up its own.
enum LogThread {
    private struct Use {
        let thread: EventLoopThread
        var logs = 0
    }

    private static let uses = Locked<[UInt64?: Use]>([:])

    /// The loop of the thread for logs on that device, which is started for the first of them. Call ``leave(_:)`` when
    /// the log has ended.
    static func enter(_ device: UInt64?) throws(UVError) -> EventLoop {
        try uses.withLock { uses throws(UVError) in
            var use = if let use = uses[device] { use } else { Use(thread: try EventLoopThread(name: "igropyr-log")) }
            use.logs += 1
            uses[device] = use
            return use.thread.loop
        }
    }

    /// Returns once what was handed to the loop is done; with the device's last log, the thread ends then.
    static func leave(_ device: UInt64?) async {
        let (loop, last) = uses.withLock { uses -> (EventLoop?, EventLoopThread?) in
            guard var use = uses[device] else { return (nil, nil) }
            use.logs -= 1
            uses[device] = use.logs > 0 ? use : nil
            return (use.thread.loop, use.logs > 0 ? nil : use.thread)
        }
        if let last {
            try? await last.stop()
        } else {
            await withCheckedContinuation { continuation in
                guard let loop else { return continuation.resume() }
                loop.submit { continuation.resume() }
            }
        }
    }
}
