internal import IgropyrTransport

/// What the loops of one server have in common; each part locks for itself.
struct SharedParts: Sendable {
    let clients: ClientLimit?
    let accessLog: AccessLogWriter?

    init(_ configuration: App.Configuration) throws(StartFailure) {
        clients = configuration.connectionsPerClient.map { ClientLimit(connections: $0) }
        guard let settings = configuration.accessLog else {
            accessLog = nil
            return
        }
        accessLog = try AccessLogWriter(settings, logger: configuration.logger)
    }
}
