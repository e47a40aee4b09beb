import Glibc
import Testing

@testable import IgropyrUV

/// Ends a loop on which `connect` waits for a server that takes connections and says nothing. It is given that server's
/// address.
/// - Throws: if anything is left open on the loop.
/// - Returns: what becomes of `connect`.
public func endLoop(
    whileConnecting connect: @escaping @Sendable (SocketAddress) async throws -> Void
) async throws -> Result<Void, any Error> {
    let listener = try ListeningSocket.open(freshAddress())
    defer { Descriptor.close(listener) }
    guard let address = ListeningSocket.localAddress(of: listener) else {
        throw UVError(code: -errno, call: "getsockname")
    }
    let attempt = Locked<Task<Void, any Error>?>(nil)
    try await onLoop { _ in
        let task = Task.immediate { try await connect(address) }
        attempt.withLock { $0 = task }
        try await eventually("it connects") {
            var listening = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
            return poll(&listening, 1, 0) == 1
        }
    }
    return await attempt.withLock { $0 }!.result
}
