import Testing

/// Waits until `condition` holds, for what happens without telling; that it does not within a minute is an issue.
public func eventually(
    _ what: Comment, _ location: SourceLocation = #_sourceLocation, _ condition: () async throws -> Bool
) async throws {
    let holds = try await eventually(condition)
    #expect(holds, what, sourceLocation: location)
}

/// Asks again and again until `condition` holds. False after a minute.
public func eventually(_ condition: () async throws -> Bool) async rethrows -> Bool {
    let deadline = ContinuousClock.now.advanced(by: .seconds(60))
    while ContinuousClock.now < deadline {
        if try await condition() { return true }
        try? await Task.sleep(for: .milliseconds(10))
    }
    return false
}
