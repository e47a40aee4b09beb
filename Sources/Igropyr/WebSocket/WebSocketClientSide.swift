internal import HTTPTypes
internal import IgropyrTransport
internal import IgropyrUV

/// The connection of a client's WebSocket, on its loop.
actor WebSocketClientSide: LoopBound {
    nonisolated let loop: EventLoop
    private var pool: HTTPConnectionPool?
    private var attempt: Attempt?

    init(on loop: EventLoop) { self.loop = loop }

    /// Tries the host's addresses, one after the other. Leaves nothing behind if it throws.
    func open(
        _ url: ServerURL, _ settings: WebSocketSettings, _ fields: HTTPFields, authorities: String?
    ) async throws -> WebSocket {
        do {
            return try await connect(url, settings, fields, authorities)
        } catch {
            close()
            throw error
        }
    }

    private func connect(
        _ url: ServerURL, _ settings: WebSocketSettings, _ fields: HTTPFields, _ authorities: String?
    ) async throws -> WebSocket {
        let request = WebSocketClient.Request(
            target: url.target, fields: fields.map { ($0.name.rawName, $0.value) })
        let tls = url.isEncrypted ? try await ClientTLS.context(authorities, on: loop) : nil
        let addresses = try await NameResolver.addresses(of: url, within: settings.openTimeout)
        let pool = try HTTPConnectionPool(
            on: loop, settings: HTTPClientSettings(opening: settings),
            kind: HTTPConnectionKind(tls: tls, serverName: url.serverName))
        self.pool = pool
        var failure = WebSocketClient.Failure.invalidRequest
        for address in addresses {
            do {
                return try await open(request, address, pool, settings)
            } catch let error as WebSocketClient.Failure {
                guard case .connection = error else { throw error }
                failure = error
            }
        }
        throw failure
    }

    private func open(
        _ request: WebSocketClient.Request, _ address: SocketAddress, _ pool: HTTPConnectionPool,
        _ settings: WebSocketSettings
    ) async throws -> WebSocket {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let attempt = Attempt(continuation)
                self.attempt = attempt
                if Task.isCancelled { return attempt.cancel() }
                WebSocketClient.open(request, to: address, pool: pool, settings: settings) { [loop] outcome in
                    attempt.end(outcome, on: loop, settings)
                }
            }
        } onCancel: {
            loop.submit { self.assumeIsolated { $0.attempt?.cancel() } }
        }
    }

    /// Closes the WebSocket, waits for that, and ends the connection.
    func end(_ socket: WebSocket, _ code: WebSocketCloseCode) async {
        await socket.close(code)
        await socket.closed()
        close()
    }

    private func close() {
        pool?.close()
        pool = nil
    }
}

/// A handshake that somebody waits for.
private final class Attempt {
    private var continuation: CheckedContinuation<WebSocket, any Error>?

    init(_ continuation: CheckedContinuation<WebSocket, any Error>) { self.continuation = continuation }

    func end(
        _ outcome: Result<WebSocketClient.Opened, WebSocketClient.Failure>, on loop: EventLoop,
        _ settings: WebSocketSettings
    ) {
        switch outcome {
        case .failure(let failure): finish(.failure(failure))
        case .success(let opened):
            nonisolated(unsafe) let connection = opened.connection  // Of this same loop.
            let socket = WebSocket(
                unsafe connection, on: loop, subprotocol: opened.subprotocol, heldBytes: settings.heldBytes)
            finish(.success(socket))
        }
    }

    func cancel() { finish(.failure(CancellationError())) }

    private func finish(_ outcome: Result<WebSocket, any Error>) {
        continuation?.resume(with: outcome)
        continuation = nil
    }
}

extension HTTPClientSettings {
    fileprivate init(opening settings: WebSocketSettings) {
        self.init()
        connectTimeout = settings.openTimeout
        responseTimeout = settings.openTimeout
        idleTimeout = settings.closeTimeout
    }
}
