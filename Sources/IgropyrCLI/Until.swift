import IgropyrCluster
import IgropyrUV

/// Asks again and again until something is so; false when the time is up. A node that does not answer may be busy, or
/// be started again: until then it is asked again, too.
func until(
    _ deadline: Duration, every pause: Duration = .milliseconds(50), _ isSo: () async throws -> Bool
) async throws -> Bool {
    let start = EventLoop.preciseNow
    while true {
        let isInTime = start.duration(to: EventLoop.preciseNow) < deadline
        do {
            if try await isSo() { return true }
            guard isInTime else { return false }
        } catch let error as ControlError where error.code == .unreachable && isInTime {}
        try await Task.sleep(for: pause)
    }
}
