import IgropyrUV

extension TCPStream {
    /// A stream that is connected; it reads nothing until it is told to.
    public static func connected(to address: SocketAddress, on loop: EventLoop) async throws -> TCPStream {
        let stream = try TCPStream(on: loop)
        let error: UVError? = await withCheckedContinuation { continuation in
            stream.connect(to: address) { continuation.resume(returning: $0) }
        }
        guard let error else { return stream }
        stream.close()
        throw error
    }
}
