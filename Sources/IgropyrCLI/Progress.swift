import Glibc
import IgropyrUV

/// Says on standard output what is going on and how long it took; a dot for each second that it takes.
struct Progress {
    let loop: EventLoop

    /// Runs one step and hands on what it returns or throws.
    func step<Result>(_ title: String, _ body: () async throws -> Result) async throws -> Result {
        Terminal.write("  \(title) ")
        let start = EventLoop.preciseNow
        let ticker = Task(executorPreference: loop) {
            while true {
                try await Task.sleep(for: .seconds(1))
                Terminal.write(".")
            }
        }
        defer { ticker.cancel() }
        do {
            let result = try await body()
            Terminal.write("\(Self.seconds(start.duration(to: EventLoop.preciseNow)))\n")
            return result
        } catch {
            Terminal.write("failed\n")
            throw error
        }
    }

    private static func seconds(_ duration: Duration) -> String {
        let tenths = duration / .milliseconds(100)
        return "\(Int(tenths) / 10).\(Int(tenths) % 10) s"
    }
}

enum Terminal {
    /// Writes to standard output at once, line end or not.
    static func write(_ text: String) { _ = write(text.utf8, to: STDOUT_FILENO) }

    /// Writes all of it; false once nobody reads it.
    static func write(_ bytes: some Sequence<UInt8>, to descriptor: Int32) -> Bool {
        var rest = ArraySlice(bytes)
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }
}
