internal import IgropyrUV

/// The thread that writes the lines of all logs that are open, and may block: a program may have hundreds of logs, mostly on one
/// disk.
enum LogThread {
    private struct Use {
        let thread: EventLoopThread
        var logs = 0
    }

    private static let use = Locked<Use?>(nil)

    /// Starts the thread for the first log. Call ``leave()`` when the log has ended.
    static func enter() throws(UVError) -> EventLoop {
        try use.withLock { use throws(UVError) in
            var present = if let use { use } else { Use(thread: try EventLoopThread(name: "igropyr-log")) }
            present.logs += 1
            use = present
            return present.thread.loop
        }
    }

    /// Returns once what was handed to the loop is done; with the last log, the thread ends then.
    static func leave() async {
        let (loop, last) = use.withLock { use -> (EventLoop?, EventLoopThread?) in
            guard var present = use else { return (nil, nil) }
            present.logs -= 1
            use = present.logs > 0 ? present : nil
            return (present.thread.loop, present.logs > 0 ? nil : present.thread)
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
