internal import IgropyrTransport
internal import Logging

/// How a server proves itself by TLS, and where that came from.
struct ServerTLS: Sendable {
    enum Source: Sendable {
        case certificates(TLSConfiguration)
        /// Of keys that balancers hold, too; see ``PreSharedKeyFile``.
        case keys(file: String)
    }

    let source: Source
    let context: TLSContext

    /// Reads the files; reports what is wrong with those that can be used.
    init(_ source: Source, logger: Logger) throws(TLSError) { try self.init(source, succeeding: nil, logger) }

    private init(_ source: Source, succeeding old: TLSContext?, _ logger: Logger) throws(TLSError) {
        self.source = source
        switch source {
        case .certificates(let configuration): context = try .server(configuration, succeeding: old)
        case .keys(let file):
            context = try .preSharedKeys(
                PreSharedKeyFile.keys(at: file), role: .server, applicationProtocols: HTTPServer.applicationProtocols)
        }
        for warning in context.warnings {
            logger.warning("a certificate needs attention", metadata: ["reason": "\(warning)"])
        }
    }

    /// By other certificates from now on, if there are any; keys stay the file's.
    func reloaded(by configuration: TLSConfiguration? = nil, logger: Logger) throws(TLSError) -> ServerTLS {
        guard case .certificates = source, let configuration else {
            return try ServerTLS(source, succeeding: context, logger)
        }
        return try ServerTLS(.certificates(configuration), succeeding: context, logger)
    }

    /// Nil for the server's own.
    var handshakeTimeout: Duration? {
        switch source {
        case .certificates(let configuration): configuration.handshakeTimeout
        case .keys: nil
        }
    }
}
