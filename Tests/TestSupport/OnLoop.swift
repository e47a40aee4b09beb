import IgropyrUV

/// Runs `body` on a fresh event loop, then closes the loop: a handle that was left open fails the test.
@discardableResult
public func onLoop<Result: Sendable>(
    _ body: @escaping @Sendable (EventLoop) async throws -> Result
) async throws -> Result {
    let thread = try EventLoopThread(name: "test")
    let outcome = await Task(executorPreference: thread.loop) { try await body(thread.loop) }.result
    let result: Result
    do { result = try outcome.get() } catch {
        try? await thread.stop()  // What failed left handles open; its own error says more.
        throw error
    }
    try await thread.stop()
    return result
}

/// An address on loopback that no other test has: 127.0.0.0/8 is all ours.
public func freshAddress(port: UInt16 = 0) -> SocketAddress {
    let bytes = (0..<3).map { _ in UInt8.random(in: 2...253) }
    return SocketAddress(host: .v4(127, bytes[0], bytes[1], bytes[2]), port: port)
}
