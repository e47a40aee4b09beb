import Igropyr
import IgropyrTransport
import IgropyrUV
import TestSupport

/// Sends requests to an application that runs for the length of a test.
final class Caller {
    let client: HTTPRequester
    let server: RunningServer

    fileprivate init(_ client: HTTPRequester, _ server: RunningServer) {
        self.client = client
        self.server = server
    }

    func send(
        _ target: String, _ fields: [(String, String)] = [], method: String = "GET", body: String = ""
    ) async throws -> HTTPRequester.Response {
        let request = HTTPRequester.Request(
            .init(method), target, fields: fields.map { (name: $0.0, value: $0.1) }, body: Array(body.utf8))
        return try await client.send(request, to: server.address)
    }

    /// A connection of its own, for what no proper client sends.
    func connect() async throws -> StreamClient { try await StreamClient(to: server.address, on: client.pool.loop) }
}

extension HTTPRequester.Response {
    var text: String { String(decoding: body, as: UTF8.self) }
}

/// Runs an application on two loops and a client on a third. In the end no handle is left on any of them.
func withApp(
    _ configure: (App) throws -> Void, _ body: @escaping @Sendable (Caller) async throws -> Void
) async throws {
    let app = App()
    app.loops = 2
    try configure(app)
    let server = try await app.start()
    try await onLoop { loop in
        let client = try HTTPRequester(on: loop)
        defer { client.close() }
        try await body(Caller(client, server))
    }
    try await server.stop()
}
