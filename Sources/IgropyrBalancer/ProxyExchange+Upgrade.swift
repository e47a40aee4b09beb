import IgropyrHTTP
import IgropyrTransport

extension ProxyExchange {
    /// Whether the client has to wait with what it wants to say in another protocol until the worker has agreed.
    var awaitsTunnel: Bool { upgrade?.key != nil && !isTunnel }

    /// The worker has answered 101: from here on bytes go both ways as they are.
    func openTunnel(_ head: MessageHead, _ bytes: RawSpan) {
        guard let upgrade, let downstream, let upstream = upstream as? HTTPClientConnection,
            let name = upgrade.protocolAgreed(by: head, bytes)
        else {
            return refuse(.badGateway)
        }
        state = .responding
        status = head.status
        record?.responseDidBegin(status: status)
        noteStatus()
        isTunnel = true
        body = []
        isBodyKept = false
        do throws(HTTPSerializer.Failure) {
            try downstream.beginTunnel(to: name)
            try writeFields(head, bytes, on: downstream)
        } catch {
            finish()
            return downstream.abort()
        }
        upstream.beginTunnel()
        downstream.endHead()
        downstream.flush()
        guard upgrade.key != nil else { return }
        if isRequestEnded { return upstream.endRequest() }
        isBodyPaused = false
        downstream.resumeBody()
    }

    /// Whether the response to an upgrade has that field without the worker's: its date is the head's own, and the
    /// answer to the balancer's key is for the balancer.
    func isAnsweredAlready(_ name: Range<Int>, in bytes: RawSpan) -> Bool {
        bytes.matches("date", in: name) || upgrade?.key != nil && bytes.matches("sec-websocket-accept", in: name)
    }
}
