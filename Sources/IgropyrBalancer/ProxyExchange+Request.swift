import IgropyrHTTP
import IgropyrTransport

extension ProxyExchange {
    /// Sends the head and what there is of the body.
    func send(on connection: some HTTPClientStream) {
        state = .sent
        upstream = connection
        connection.begin(self, responseTimeout: settings.values.responseTimeout)
        record?.didSend()
        let bytes = head.bytes
        connection.sendHead(unsafe bytes.span.bytes, method: method, framing: framing)
        if !body.isEmpty {
            let kept = body
            connection.sendBody(unsafe kept.span.bytes)
        }
        guard isRequestEnded else { return balanceRequest() }
        if framing != .none { endRequest(on: connection) }  // Else its head was all.
    }

    private func endRequest(on connection: some HTTPClientStream) {
        connection.endRequest(trailers: trailers?.request ?? TrailerFields())
    }

    /// Has the client wait while the worker does not keep up, or while there is no worker and enough is kept.
    private func balanceRequest() {
        guard !awaitsTunnel else { return }
        let mayGoOn =
            if let upstream { upstream.canWrite } else { body.count < keptBytes }
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
        switch state {
        case .finished: return
        case .buffering: if body.count >= settings.values.bufferedBodyBytes { connect() }
        case .starting, .held, .connecting, .sent, .answering, .responding: break
        }
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
        if upstream == nil || body.count + bytes.byteCount <= keptBytes {
            unsafe bytes.withUnsafeBytes { unsafe body.append(contentsOf: $0) }
        } else {
            isBodyKept = false
            body = []
        }
    }

    /// Of the body, to repeat it.
    private var keptBytes: Int { max(proxy.settings.repeatableBodyBytes, settings.values.bufferedBodyBytes) }

    /// Whether the body is to be here, or be too large for that, before a worker is chosen.
    var buffersBody: Bool {
        let limit = settings.values.bufferedBodyBytes
        guard limit > 0, !isRequestEnded, upgrade == nil, body.count < limit else { return false }
        switch framing {
        case .none, .untilClose: return false
        case .length(let length): return length > UInt64(body.count) && length <= UInt64(limit)
        case .chunked: return true
        }
    }

    func requestTrailersDidArrive(_ lines: RawSpan) {
        let trailers = makeTrailers()
        let edits = settings.requestEdits
        trailers.request = TrailerFields(forwarding: lines, except: trailers.requestOptions) { name in
            isReplaced(name, by: edits, in: lines)
        }
    }

    func requestDidEnd() {
        guard !isRequestEnded else { return }
        isRequestEnded = true
        isBodyPaused = false
        if case .buffering = state { return connect() }
        if let upstream { endRequest(on: upstream) }
    }

    func responseDidDrain() {
        guard isResponsePaused, let downstream, downstream.canWrite else { return }
        isResponsePaused = false
        upstream?.resumeResponse()
    }

    func requestWasRefused(status: Int) {
        if case .finished = state { return }
        record?.serverDidRefuse(status: status)
        finish()
    }

    func clientDidAbort() {
        if case .finished = state { return }
        if case .responding = state { noteSound() }  // Events, which have no end, are never whole.
        proxy.counters.clientAborts &+= 1
        record?.breakOff(.clientAbort)
        finish()
    }
}
