internal import IgropyrHTTP
internal import IgropyrTransport
internal import Logging

extension RequestDispatcher {
    /// Agrees to a WebSocket and runs its handler.
    func open(_ opening: WebSocketOpening, _ response: Response, _ request: Request?, _ exchange: Exchange) async {
        guard sendHead(opening.handshake, response, request, on: exchange) else { return exchange.endResponse() }
        let settings = opening.settings
        let connection = WebSocketConnection(
            on: exchange, as: .server, settings: settings, deflate: opening.handshake.deflate, wheel: wheel)
        exchange.webSocket = connection
        // The actor is on this same loop.
        nonisolated(unsafe) let shared = connection
        nonisolated(unsafe) weak let weakExchange = exchange
        let socket = WebSocket(
            unsafe shared, on: exchange.loop, subprotocol: opening.handshake.subprotocol,
            heldBytes: settings.heldBytes, onUnreadEnd: { unsafe weakExchange?.cancelTask() })
        if exchange.isDraining { connection.close(.goingAway) }
        do {
            try await opening.handler(socket)
            connection.close(.normal)
        } catch {
            let isExpected = error is WebSocketClosure || exchange.isAbandoned(with: error)
            if !isExpected { logger(request).error("a WebSocket's handler failed", metadata: ["reason": "\(error)"]) }
            connection.close(isExpected ? .normal : .internalError)
        }
    }

    /// Whether it went out; if not, 500 did in its place.
    private func sendHead(
        _ handshake: WebSocketHandshake, _ response: Response, _ request: Request?, on exchange: Exchange
    ) -> Bool {
        let connection = exchange.connection
        do throws(HTTPSerializer.Failure) {
            try connection.beginTunnel(to: "websocket")
            for field in handshake.fields { try connection.appendField(field.name, field.value) }
            if response.hasFields { try sendFields(response, on: connection) }
            connection.endHead()
            exchange.status = response.status.code
            connection.flush()
            return true
        } catch {
            withdrawHead(error, request, on: connection)
            return false
        }
    }
}
