internal import IgropyrTransport
internal import IgropyrUV

/// What clients trust.
enum ClientTLS {
    private static let system = Locked<TLSContext?>(nil)

    /// Reads files, away from the loop; those of the machine once for the process.
    static func context(
        _ authorities: String?, showing certificate: TLSConfiguration.Certificate? = nil, on loop: EventLoop
    ) async throws(TLSError) -> TLSContext {
        let isUsual = authorities == nil && certificate == nil
        if isUsual, let context = system.withLock({ $0 }) { return context }
        let context = try await loop.offload { () throws(TLSError) in
            try TLSContext.client(
                trusting: authorities.map { .authorities(file: $0) } ?? .system, showing: certificate)
        }
        if isUsual { system.withLock { $0 = context } }
        return context
    }
}
