internal import IgropyrInsight
internal import IgropyrTransport
internal import IgropyrUV

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
        do throws(UVError) {
            accessLog = try AccessLogWriter(settings, logger: configuration.logger)
        } catch {
            throw StartFailure("the access log cannot be written: \(error.reason)")
        }
    }
}
