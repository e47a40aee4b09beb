import CLibUV
import Glibc
import IgropyrUV

/// One way to take all connections that wait in a backlog, with nothing done to them afterwards.
protocol Way {
    /// Accepts on the listening socket, which it then owns, until it has `count` connections; then calls `report` with
    /// how many turns of the loop that took, 0 if it does not know.
    static func accept(_ count: Int, from descriptor: Int32, report: @escaping (Int) -> Never) throws -> Never
}

/// What a callback of libuv shares with the loop that drives it. One loop at a time, on one thread.
nonisolated(unsafe) private var accepted = 0

private func runLoop(_ loop: UnsafeMutablePointer<uv_loop_t>, until count: Int) -> Int {
    var turns = 0
    while accepted < count {
        uv_run(loop, UV_RUN_ONCE)
        turns += 1
    }
    return turns
}

private func makeLoop() -> UnsafeMutablePointer<uv_loop_t> {
    let loop = UnsafeMutablePointer<uv_loop_t>.allocate(capacity: 1)
    uv_loop_init(loop)
    accepted = 0
    return loop
}

/// The loop and its handles live as long as the process, which ends after one storm.
private func makeConnection(on loop: UnsafeMutablePointer<uv_loop_t>) -> UnsafeMutablePointer<uv_tcp_t> {
    let connection = UnsafeMutablePointer<uv_tcp_t>.allocate(capacity: 1)
    uv_tcp_init(loop, connection)
    return connection
}

/// libuv's own: `uv_listen` and `uv_accept`. Up to 1.44 it empties the backlog at each event, too.
enum Listen: Way {
    static func accept(_ count: Int, from descriptor: Int32, report: @escaping (Int) -> Never) throws -> Never {
        let loop = makeLoop()
        let server = makeConnection(on: loop)
        guard uv_tcp_open(server, descriptor) == 0 else { throw Problem("uv_tcp_open") }
        let result = server.withMemoryRebound(to: uv_stream_t.self, capacity: 1) { stream in
            uv_listen(stream, 4096) { stream, _ in
                let connection = makeConnection(on: stream!.pointee.loop)
                connection.withMemoryRebound(to: uv_stream_t.self, capacity: 1) { client in
                    if uv_accept(stream, client) == 0 { accepted += 1 }
                }
            }
        }
        guard result == 0 else { throw Problem("uv_listen: \(String(cString: uv_strerror(result)))") }
        report(runLoop(loop, until: count))
    }
}

/// libuv's way from 1.45 on: one connection per readiness event. Made of a `uv_poll_t`, whatever version is here.
enum One: Way {
    static func accept(_ count: Int, from descriptor: Int32, report: @escaping (Int) -> Never) throws -> Never {
        let loop = makeLoop()
        try poll(descriptor, on: loop) { poll, _, _ in acceptOne(on: poll!) }
        report(runLoop(loop, until: count))
    }
}

/// `accept4` on a `uv_poll_t` until the backlog is empty, then `uv_tcp_open`.
enum Poll: Way {
    static func accept(_ count: Int, from descriptor: Int32, report: @escaping (Int) -> Never) throws -> Never {
        let loop = makeLoop()
        try poll(descriptor, on: loop) { poll, _, _ in while acceptOne(on: poll!) {} }
        report(runLoop(loop, until: count))
    }
}

private func poll(
    _ descriptor: Int32, on loop: UnsafeMutablePointer<uv_loop_t>, calling callback: @escaping uv_poll_cb
) throws {
    let poll = UnsafeMutablePointer<uv_poll_t>.allocate(capacity: 1)
    guard uv_poll_init(loop, poll, descriptor) == 0 else { throw Problem("uv_poll_init") }
    poll.pointee.data = UnsafeMutableRawPointer(bitPattern: Int(descriptor))
    uv_poll_start(poll, Int32(UV_READABLE.rawValue), callback)
}

/// False when the backlog is empty.
@discardableResult
private func acceptOne(on poll: UnsafeMutablePointer<uv_poll_t>) -> Bool {
    let descriptor = Int32(Int(bitPattern: poll.pointee.data))
    let client = accept4(descriptor, nil, nil, Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue))
    guard client >= 0 else { return false }
    if uv_tcp_open(makeConnection(on: poll.pointee.loop), client) == 0 { accepted += 1 }
    return true
}

/// `TCPListener`, as the product uses it.
enum Igropyr: Way {
    static func accept(_ count: Int, from descriptor: Int32, report: @escaping (Int) -> Never) throws -> Never {
        accepted = 0
        let loop = try EventLoop()
        let listener = try TCPListener(on: loop, owning: descriptor)
        var streams: [TCPStream] = []
        try listener.start { stream in
            streams.append(stream)
            accepted += 1
            if accepted == count { report(0) }
        }
        try loop.run()
        throw Problem("the loop ended before all were accepted")
    }
}
