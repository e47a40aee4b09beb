/// Why a test could not go on.
struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// What a test waited for did not come.
struct TimedOut: Error, CustomStringConvertible {
    let description: String
}

/// Asks `value` every 20 ms until it is not nil. An error that it throws counts as "not yet" and is told in the end.
/// When the time is over, longer than a starved machine needs, it throws ``TimedOut``, with the details.
func eventually<Value>(
    _ what: String, within limit: Duration = .seconds(60), or details: @autoclosure () -> String = "",
    _ value: () async throws -> Value?
) async throws -> Value {
    let clock = ContinuousClock()
    let end = clock.now.advanced(by: limit)
    var lastError: (any Error)?
    repeat {
        do {
            lastError = nil
            if let value = try await value() { return value }
        } catch {
            lastError = error
        }
        try await Task.sleep(for: .milliseconds(20))
    } while clock.now < end
    let reason = lastError.map { ", last error: \($0)" } ?? ""
    throw TimedOut(description: "not within \(limit): \(what)\(reason) \(details())")
}

/// As ``eventually(_:within:or:_:)``, for something that is true in the end.
func eventually(
    _ what: String, within limit: Duration = .seconds(60), or details: @autoclosure () -> String = "",
    _ condition: () async throws -> Bool
) async throws {
    try await eventually(what, within: limit, or: details()) { try await condition() ? () : nil }
}
