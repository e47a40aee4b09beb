import IgropyrHTTP
import IgropyrTransport

extension ProxyExchange {
    /// Sends the head and what there is of the body.
    func send(on connection: any HTTPClientStream) {
        state = .sent
        upstream = connection
        connection.begin(self, responseTimeout: settings.values.responseTimeout)
        record?.didSend()
        let bytes = head.bytes
        connection.head.appendBody(unsafe bytes.span.bytes)
        connection.endHead(method: method, framing: framing)
        if !body.isEmpty {
            let kept = body
            connection.sendBody(unsafe kept.span.bytes)
        }
        if isRequestEnded { return connection.endRequest(trailers: requestTrailers) }
        balanceRequest()
    }

    /// Has the client wait while the worker does not keep up, or while there is no worker and enough is kept.
    private func balanceRequest() {
        guard !awaitsTunnel else { return }
        let mayGoOn =
            if let upstream { upstream.canWrite } else { body.count < proxy.settings.repeatableBodyBytes }
        guard mayGoOn == isBodyPaused else { return }
        isBodyPaused = !mayGoOn
        if isBodyPaused { downstream?.pauseBody() } else { downstream?.resumeBody() }
    }
}

extension ProxyExchange: HTTPServerExchange {
    func requestBodyDidArrive(_ bytes: RawSpan) {
        record?.requestBytes &+= UInt64(bytes.byteCount)
        if let limit = proxy.settings.bodyBytes, !isTunnel {
            bodyBytes += UInt64(bytes.byteCount)
            if bodyBytes > limit { return refuseBody() }
        }
        keep(bytes)
        upstream?.sendBody(bytes)
        if case .finished = state { return }
        balanceRequest()
    }

    /// It turned out too large. Once a response has begun, ending the connection is the only way left to say so.
    private func refuseBody() {
        if case .responding = state {
            let downstream = downstream
            finish()
            downstream?.abort()
        } else {
            refuse(.tooLarge)
        }
    }

    /// While there is no worker to send it to, all of it is kept: the client is made to wait before it gets much more.
    private func keep(_ bytes: RawSpan) {
        guard isBodyKept else { return }
        if upstream == nil || body.count + bytes.byteCount <= proxy.settings.repeatableBodyBytes {
            unsafe bytes.withUnsafeBytes { unsafe body.append(contentsOf: $0) }
        } else {
            isBodyKept = false
            body = []
        }
    }

    func requestTrailersDidArrive(_ lines: RawSpan) {
        requestTrailers = TrailerFields(forwarding: lines, except: requestOptions)
    }

    func requestDidEnd() {
        isRequestEnded = true
        isBodyPaused = false
        upstream?.endRequest(trailers: requestTrailers)
    }

    func responseDidDrain() {
        guard isResponsePaused, let downstream, downstream.canWrite else { return }
        isResponsePaused = false
        upstream?.resumeResponse()
    }

    func clientDidAbort() {
        if case .finished = state { return }
        proxy.counters.clientAborts &+= 1
        record?.breakOff(.clientAbort)
        finish()
    }
}
