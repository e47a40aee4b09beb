import IgropyrUV

/// Asks again and again until something is so; false when the time is up.
func until(
    _ deadline: Duration, every pause: Duration = .milliseconds(50), _ isSo: () async throws -> Bool
) async throws -> Bool {
    let start = EventLoop.preciseNow
    while try await !isSo() {
        guard start.duration(to: EventLoop.preciseNow) < deadline else { return false }
        try await Task.sleep(for: pause)
    }
    return true
}
