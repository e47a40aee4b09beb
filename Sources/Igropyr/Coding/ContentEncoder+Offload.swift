internal import IgropyrCoding
internal import IgropyrUV

extension ContentEncoder {
    /// Encodes a piece: a large one on a thread of the pool, so that other connections do not wait.
    func encode(_ bytes: [UInt8], _ operation: Operation, on loop: EventLoop) async throws -> [UInt8] {
        guard bytes.count > Compression.inlineBytes else { return try encode(bytes, operation) }
        nonisolated(unsafe) let encoder = self  // Whoever calls this waits for the answer.
        return try await loop.offload { () throws -> [UInt8] in try unsafe encoder.encode(bytes, operation) }
    }

    private func encode(_ bytes: [UInt8], _ operation: Operation) throws(OutOfMemory) -> [UInt8] {
        var output: [UInt8] = []
        unsafe try encode(bytes.span.bytes, operation, into: &output)
        return output
    }
}
