import IgropyrCoding
import IgropyrHTTP
import IgropyrTransport
import IgropyrUV

extension ProxyExchange: HTTPClientExchange {
    func responseDidBegin(_ head: MessageHead, _ bytes: RawSpan) {
        guard let downstream else { return }
        if head.isInterim { return passOnInterim(head, bytes, to: downstream) }
        if head.status == 101 { return openTunnel(head, bytes) }
        // To a client of HTTP/2 a success would be the tunnel's.
        guard !awaitsTunnel || head.status / 100 != 2 else { return refuse(.badGateway) }
        state = .answering
        status = head.status
        beginCompression(head, bytes)
        do throws(HTTPSerializer.Failure) {
            try writeHead(head, bytes, on: downstream)
        } catch { return refuse(.badGateway) }
        guard remainingBytes != 0 else {
            self.downstream = nil  // The server may go on to the next request within this call.
            return sendHead(to: downstream)
        }
        // If the body follows in the same read, one write takes both.
        if Self.isAlone(head, bytes) { sendHeadSoon() }
    }

    /// Whether no byte of a body has come with the head, though a chunk may have been announced.
    private static func isAlone(_ head: MessageHead, _ bytes: RawSpan) -> Bool {
        guard head.framing == .chunked, bytes.byteCount > head.byteCount else {
            return bytes.byteCount == head.byteCount
        }
        let behind = Span<UInt8>(_bytes: bytes.extracting(droppingFirst: head.byteCount))
        let end = behind.indices.first { behind[$0] == UInt8(ascii: "\n") }
        return end.map { $0 + 1 == behind.count } ?? true
    }

    /// A worker that has more than a head to say mostly has said so already, be it that it fails. So the loop looks at
    /// its sockets once more, without waiting, before the client is told what cannot be taken back.
    private func sendHeadSoon() {
        proxy.loop.submitLocally { [self] in
            guard case .answering = state else { return }
            proxy.loop.submitForNextTurn { [self] in
                guard case .answering = state, let downstream else { return }
                sendHead(to: downstream)
                downstream.flush()
            }
        }
    }

    /// From here on the response is this worker's.
    private func sendHead(to downstream: any HTTPServerStream) {
        guard case .answering = state else { return }
        state = .responding
        body = []
        isBodyKept = false
        record?.responseDidBegin(status: status)
        noteStatus()
        downstream.endHead()
    }

    /// Has the client hear nothing of a response that failed before any of it has left.
    func takeBackHead() {
        guard case .answering = state else { return }
        state = .sent
        downstream?.withdrawHead()
        endCompression()
        trailers?.responseOptions = []
    }

    func endCompression() {
        guard let compressor, compressor.isEncoding else { return }
        proxy.responsesEncoding -= 1
        compressor.end()
    }

    private func beginCompression(_ head: MessageHead, _ bytes: RawSpan) {
        guard let compressor else { return }
        compressor.begin(head, bytes, hasBody: method != .head, othersEncoding: proxy.responsesEncoding)
        if compressor.isEncoding { proxy.responsesEncoding += 1 }
    }

    /// The client has had its 100 already. One that takes nothing just now may do without the others.
    private func passOnInterim(_ head: MessageHead, _ bytes: RawSpan, to downstream: any HTTPServerStream) {
        guard head.status != 100 else { return }
        do throws(HTTPSerializer.Failure) {
            guard try downstream.beginInterimResponse(status: head.status) else { return }
            try writeFields(head, bytes, on: downstream)
            downstream.endHead()
        } catch {
            downstream.withdrawHead()
        }
    }

    private func writeHead(
        _ head: MessageHead, _ bytes: RawSpan, on downstream: any HTTPServerStream
    ) throws(HTTPSerializer.Failure) {
        let framing = downstreamFraming(head, bytes)
        try downstream.beginResponse(status: head.status, framing: framing, addsDate: !head.hasDate)
        try writeFields(head, bytes, on: downstream)
    }

    func writeFields(
        _ head: MessageHead, _ bytes: RawSpan, on downstream: any HTTPServerStream
    ) throws(HTTPSerializer.Failure) {
        let listed = HopByHop.listed(in: head, bytes)
        let edits = head.isInterim ? nil : settings.responseEdits
        var fields = FieldIterator(head.fields)
        let compressor = head.isInterim ? nil : compressor
        while let lines = fields.nextLines(
            in: bytes,
            keeping: { name, _ in
                if ProxiedField(name, in: bytes).isHopByHop { return false }
                if isTunnel, isAnsweredAlready(name, in: bytes) { return false }
                if let compressor, compressor.rewrites(name, in: bytes) { return false }
                if let edits, edits.drops(name, in: bytes) { return false }
                return listed.isEmpty || !listed.contains { bytes.isSameName($0, name) }
            })
        {
            try downstream.appendLines(bytes.extracting(lines))
        }
        try compressor?.writeFields(head, bytes, on: downstream)
        let via = head.version.viaLine.utf8.span
        try downstream.appendLines(unsafe via.bytes)
        if let edits { for field in edits.added { try downstream.appendField(field.name, field.value) } }
        if let newCookie, !head.isInterim { try downstream.appendField("Set-Cookie", newCookie) }
    }

    /// Also notes how much is to come: 0 for HEAD and the statuses that have no body.
    private func downstreamFraming(_ head: MessageHead, _ bytes: RawSpan) -> MessageHead.Framing {
        guard method != .head, head.status != 204, head.status != 205, head.status != 304 else {
            remainingBytes = 0
            if compressor?.isEncoded == true { return .chunked }
            return head.contentLength.map { .length($0) } ?? .none
        }
        if compressor?.isEncoded == true {
            noteOptions(head, bytes)
            remainingBytes = nil
            return .chunked
        }
        switch head.framing {
        case .none, .length(0):
            remainingBytes = 0
            return .length(0)
        case .length(let length):
            remainingBytes = length
            return .length(length)
        case .chunked, .untilClose:
            noteOptions(head, bytes)
            remainingBytes = nil
            return .chunked
        }
    }

    private func noteOptions(_ head: MessageHead, _ bytes: RawSpan) {
        if head.hasConnectionFields { makeTrailers().responseOptions = HopByHop.listedNames(in: head, bytes) }
    }

    func responseBodyDidArrive(_ bytes: RawSpan) {
        if case .answering = state, let downstream { sendHead(to: downstream) }
        guard let compressor, compressor.isEncoding else { return passOnBody(bytes) }
        do throws(ContentEncoder.OutOfMemory) {
            let output = try compressor.encode(bytes)
            passOnBody(unsafe output.span.bytes)
        } catch {
            cut()
        }
    }

    private func passOnBody(_ bytes: RawSpan) {
        guard let downstream, !bytes.isEmpty else { return }
        record?.responseBytes &+= UInt64(bytes.byteCount)
        if let remaining = remainingBytes {
            // The parser gives no more than was announced.
            remainingBytes = remaining - UInt64(bytes.byteCount)
            if remainingBytes == 0 { self.downstream = nil }
        }
        downstream.sendBody(bytes)
        guard self.downstream != nil, !downstream.canWrite, !isResponsePaused else { return }
        isResponsePaused = true
        upstream?.pauseResponse()
    }

    func responseTrailersDidArrive(_ lines: RawSpan) {
        let trailers = makeTrailers()
        let edits = settings.responseEdits
        trailers.response = TrailerFields(forwarding: lines, except: trailers.responseOptions) { name in
            edits?.drops(name, in: lines) ?? false
        }
    }

    func responseDidEnd() {
        upstream = nil
        if case .answering = state, let downstream { sendHead(to: downstream) }
        noteSound()
        if let compressor, compressor.isEncoding {
            guard let rest = try? compressor.finish() else { return cut() }
            passOnBody(unsafe rest.span.bytes)
        }
        let downstream = downstream.take()
        finish()
        downstream?.endResponse(trailers: trailers?.response ?? TrailerFields())
    }

    func requestDidDrain() {
        guard isBodyPaused, !awaitsTunnel, let upstream, upstream.canWrite else { return }
        isBodyPaused = false
        downstream?.resumeBody()
    }

    func exchangeDidFail(_ failure: HTTPClientFailure) {
        let connection = upstream
        upstream = nil
        record?.tryDidFail(ExchangeFailure(sent: failure))
        switch state {
        case .sent: retryElsewhere(failure, connection)
        case .answering:
            takeBackHead()
            retryElsewhere(failure, nil)  // Its connection was not stale: it has answered.
        case .responding: truncate()
        case .starting, .held, .buffering, .connecting, .finished: break
        }
    }

    /// 502, 503 and 504 say that the worker, or what it depends on, cannot do its work. 500 says that of one request.
    func noteStatus() {
        guard let worker else { return }
        if saysFailure {
            proxy.noteFailure(of: worker, limit: settings.values.failuresInRow)
        } else {
            proxy.noteAnswer(of: worker)
        }
    }

    private var saysFailure: Bool { 502...504 ~= status }

    /// The worker answered as it should, for as long as it was asked.
    func noteSound() {
        if let worker, !saysFailure { proxy.noteSuccess(of: worker) }
    }

    private func truncate() {
        if let worker { proxy.noteFailure(of: worker, limit: settings.values.failuresInRow) }
        cut()
    }

    /// What the client got is not the whole: ending the connection is the only way left to say so.
    private func cut() {
        let downstream = downstream
        if downstream != nil { proxy.counters.truncated &+= 1 }
        record?.breakOff(.truncated)
        finish()
        downstream?.abort()
    }

    private func retryElsewhere(_ failure: HTTPClientFailure, _ connection: (any HTTPClientStream)?) {
        guard let worker else { return retry(after: failure) }
        if let connection, isStale(failure, connection, worker) {
            hasMetStaleConnection = true
            proxy.counters.staleConnections &+= 1
            return repeatFree(from: worker)
        }
        if isAboutKey(failure, worker) {
            keysTried += 1
            leaveWorker()
            return connect(to: worker, isFresh: false)
        }
        switch failure.cause {
        case .refused, .cancelled: break
        case .connection, .closed, .malformedResponse, .responseTooLarge, .timedOut, .exhausted:
            proxy.noteFailure(of: worker, limit: settings.values.failuresInRow)
        }
        abandonWorker()
        retry(after: failure)
    }

    /// While the cluster's keys change, a worker may not have the one in use yet. Nothing of the request has left then,
    /// and there is another key to try.
    private func isAboutKey(_ failure: HTTPClientFailure, _ worker: WorkerState) -> Bool {
        guard case .connection(.security) = failure.cause, !failure.mayHaveBeenReceived, isBodyKept, downstream != nil,
            let kinds = worker.encryption?.kinds
        else { return false }
        return keysTried + 1 < kinds.count
    }

    /// Another worker, if there is one, is the safer choice: one that died or is about to end may have a socket that
    /// its host keeps listening, where the request would wait.
    private func repeatFree(from worker: WorkerState) {
        abandonWorker()
        lookUpAgain()
        if application?.hasOthers(than: tried) ?? false { return connect() }
        connect(to: worker, isFresh: true)
    }

    /// A worker may close a connection just when a request comes. That says nothing about its load, so repeating the
    /// request is free, once.
    private func isStale(
        _ failure: HTTPClientFailure, _ connection: any HTTPClientStream, _ worker: WorkerState
    ) -> Bool {
        guard connection.isReused, !hasMetStaleConnection, isBodyKept, downstream != nil, worker.health.trouble == nil,
            method.isIdempotent || !failure.mayHaveBeenReceived
        else { return false }
        switch failure.cause {
        case .closed, .connection, .refused: return true
        case .malformedResponse, .responseTooLarge, .timedOut, .exhausted, .cancelled: return false
        }
    }
}
