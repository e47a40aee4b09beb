internal import IgropyrTransport
internal import Logging

/// The certificates that a server has, and where they came from.
struct ServerTLS: Sendable {
    let configuration: TLSConfiguration
    let context: TLSContext

    /// Reads the files; reports what is wrong with those that can be used.
    init(_ configuration: TLSConfiguration, logger: Logger) throws(TLSError) {
        try self.init(configuration, succeeding: nil, logger)
    }

    private init(_ configuration: TLSConfiguration, succeeding old: TLSContext?, _ logger: Logger) throws(TLSError) {
        self.configuration = configuration
        context = try .server(configuration, succeeding: old)
        for warning in context.warnings {
            logger.warning("a certificate needs attention", metadata: ["reason": "\(warning)"])
        }
    }

    func reloaded(logger: Logger) throws(TLSError) -> ServerTLS {
        try ServerTLS(configuration, succeeding: context, logger)
    }
}
