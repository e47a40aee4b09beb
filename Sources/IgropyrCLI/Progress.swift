import IgropyrUV

/// Says on standard output what is going on and how long it took; a dot for each second that it takes.
struct Progress {
    let loop: EventLoop

    /// Runs one step and hands on what it returns or throws.
    func step<Result>(_ title: String, _ body: () async throws -> Result) async throws -> Result {
        Terminal.write("  \(title)")
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
            Terminal.write(" \(Self.seconds(start.duration(to: EventLoop.preciseNow)))\n")
            return result
        } catch {
            Terminal.write(" failed\n")
            throw error
        }
    }

    private static func seconds(_ duration: Duration) -> String {
        let tenths = duration / .milliseconds(100)
        return "\(Int(tenths) / 10).\(Int(tenths) % 10) s"
    }
}
