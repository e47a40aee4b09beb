internal import IgropyrHTTP
internal import IgropyrUV

/// The response, from the handler to the session.
extension HTTP2ServerStream {
    func beginResponse(status: Int, framing: MessageHead.Framing, addsDate: Bool) throws(HTTPSerializer.Failure) {
        guard !isClosed else { return }
        guard case .notBegun = response else { preconditionFailure("one response to a request") }
        var head = connection.spareHead.take() ?? HTTP2FieldBlock()
        try head.begin(status: status)
        if addsDate { head.appendDate(server.commonFields.now) }
        if let name = server.settings.serverName { try head.appendField("server", name) }
        let isBodyless = status == 204 || status == 304 || method == .connect && status / 100 == 2
        let framing = status == 205 ? .length(0) : framing
        if !isBodyless, case .length(let length) = framing { head.appendContentLength(length) }
        self.head = head
        response = .head(isBodyless || method == .head ? .none : ResponseBody(framing))
    }

    func beginInterimResponse(status: Int) throws(HTTPSerializer.Failure) -> Bool {
        guard 102...199 ~= status else { throw .invalidStatus }
        guard !isClosed, case .notBegun = response, connection.stream.queuedBytes == 0,
            connection.session.queuedFrames < server.settings.http2.queuedFrames
        else { return false }
        var head = connection.spareHead.take() ?? HTTP2FieldBlock()
        try head.begin(status: status)
        self.head = head
        isInterim = true
        response = .head(.none)
        return true
    }

    func beginTunnel(to _: String) throws(HTTPSerializer.Failure) {
        try beginResponse(status: 200, framing: .chunked)
        guard case .head = response else { return }
        response = .head(.chunked)
        isTunnel = true
        readDeadline = .distantFuture
    }

    func appendField(_ name: String, _ value: String) throws(HTTPSerializer.Failure) {
        guard case .head = response, !isClosed else { return }
        try head.appendField(name, value)
    }

    func appendField(name: RawSpan, value: RawSpan) throws(HTTPSerializer.Failure) {
        guard case .head = response, !isClosed else { return }
        try head.appendField(name: name, value: value)
    }

    func appendLines(_ lines: RawSpan) throws(HTTPSerializer.Failure) {
        guard case .head = response, !isClosed else { return }
        var fields = FieldIterator(0..<lines.byteCount)
        while let (name, value) = fields.next(in: lines) {
            try head.appendField(name: lines.extracting(name), value: lines.extracting(value))
        }
    }

    func withdrawHead() {
        switch response {
        case .notBegun, .head:
            response = .notBegun
            isTunnel = false
            isInterim = false
        case .body, .ended: preconditionFailure("the head has ended")
        }
    }

    func endHead() {
        guard case .head(let body) = response, !isClosed else { return }
        guard !isInterim else { return endInterimResponse() }
        response = .body(body)
        do throws(HTTP2Session.Failure) {
            try connection.session.sendHead(head, on: self, hasBody: !body.isWhole)
        } catch { return connection.abort() }
        giveBackHead()
        if body.isWhole { endResponse() } else { connection.scheduleSend() }
    }

    private func endInterimResponse() {
        isInterim = false
        response = .notBegun
        do throws(HTTP2Session.Failure) {
            try connection.session.sendInterimHead(head, on: self)
        } catch { return connection.abort() }
        giveBackHead()
        connection.scheduleSend()
    }

    var sendsBody: Bool {
        guard case .body(let body) = response, !isClosed else { return false }
        return !body.isWhole
    }

    func sendBody(_ bytes: RawSpan) {
        guard case .body(let body) = response, !isClosed, bytes.byteCount > 0 else { return }
        switch body {
        case .none: return
        case .length(let remaining):
            guard UInt64(bytes.byteCount) <= remaining else { return abort() }
            response = .body(.length(remaining: remaining - UInt64(bytes.byteCount)))
        case .chunked, .untilClose: break
        }
        if self.body.isEmpty { awaitClient() }
        self.body.append(bytes)
        connection.queuedBytes += bytes.byteCount
        goOnSending()
        if case .body(.length(remaining: 0)) = response { endResponse() }
    }

    /// Not in HTTP/2: between two files' parts stands a frame's header.
    func sendFilePart(_: Int32, offset _: Int64, count _: Int) throws(UVError) -> Int? { nil }

    func endResponse() { endResponse(trailers: TrailerFields()) }

    func endResponse(trailers: TrailerFields) {
        guard case .body(let body) = response, !isClosed else { return }
        if case .length(let remaining) = body, remaining > 0 { return abort() }
        if !trailers.isEmpty, let head = try? HTTP2FieldBlock(trailers), !head.fields.isEmpty { self.trailers = head }
        response = .ended
        exchange = nil
        dropRequestBody()
        goOnSending()
    }

    var canWrite: Bool {
        isClosed || body.isEmpty
            || body.count < server.settings.http2.streamHighWaterBytes
                && connection.queuedBytes < server.settings.highWaterBytes
    }

    var isWaitingForClient: Bool { !isClosed && !body.isEmpty }

    func flush() { connection.flush() }

    /// What was written so far leaves before, as in HTTP/1.1: nghttp2 drops what a reset finds in its queue.
    func abort() {
        connection.flush()
        cut(.internalError)
    }

    /// Answers without a handler. `method`: of the request, as far as that is known.
    func refuse(_ error: HTTPError, to method: HTTPMethod) {
        self.method = method
        server.count(\.refusedRequests)
        server.handler.requestWasRefused(status: error.status, on: self)
        refuse(status: error.status)
    }

    /// Answers, if nothing was answered yet, in place of the handler, who is told.
    func refuse(status: Int) {
        guard case .notBegun = response else { return cut(.cancel) }
        let exchange = exchange.take()
        let text = Array("\(status)\n".utf8)
        do throws(HTTPSerializer.Failure) {
            try beginResponse(status: status, framing: .length(UInt64(text.count)))
            try appendField("content-type", "text/plain")
            endHead()
            unsafe sendBody(text.span.bytes)
        } catch { abort() }
        exchange?.requestWasRefused(status: status)
    }

    func sendContinue() {
        var head = HTTP2FieldBlock()
        do {
            try head.begin(status: 100)
            try connection.session.sendInterimHead(head, on: self)
            connection.scheduleSend()
        } catch { connection.abort() }
    }

    private func goOnSending() {
        connection.session.resume(self)
        connection.scheduleSend()
    }

    private func giveBackHead() {
        connection.spareHead = head
        head = HTTP2FieldBlock()
    }
}
