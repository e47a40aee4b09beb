public import IgropyrHTTP
public import IgropyrUV

extension HTTPServerConnection {
    /// `.chunked` becomes "until close" for a client of HTTP/1.0.
    public func beginResponse(
        status: Int, framing: MessageHead.Framing, addsDate: Bool
    ) throws(HTTPSerializer.Failure) {
        guard !isClosed else { return }
        guard case .notBegun = response else { preconditionFailure("one response to a request") }
        borrowMemory()
        responseStart = UInt32(output.count)
        try output.beginResponse(status: status)
        if addsDate {
            try server.commonFields.append(to: &output)
        } else if let name = server.settings.serverName {
            try output.appendField("Server", name)
        }
        let isBodyless = status == 204 || status == 304 || method == .connect && status / 100 == 2
        var framing = framing == .chunked && version == .http10 ? .untilClose : framing
        if status == 205 { framing = .length(0) }
        if framing == .untilClose || isMuchToCome { keepsAlive = false }
        if !keepsAlive {
            try output.appendField("Connection", "close")
        } else if version == .http10 {
            try output.appendField("Connection", "keep-alive")
        }
        if !isBodyless { output.appendFraming(framing) }
        response = .head(isBodyless || method == .head ? .none : ResponseBody(framing))
    }

    /// Whether the handler may leave more of the request unread than is worth to read for the sake of the connection.
    private var isMuchToCome: Bool {
        if case .body = request { bodyLeft > UInt64(server.settings.unreadBodyBytes) } else { false }
    }

    public func beginInterimResponse(status: Int) throws(HTTPSerializer.Failure) -> Bool {
        guard 102...199 ~= status else { throw .invalidStatus }
        guard !isClosed, version != .http10, canWrite, case .notBegun = response else { return false }
        borrowMemory()
        responseStart = UInt32(output.count)
        try output.beginResponse(status: status)
        isInterim = true
        response = .head(.none)
        return true
    }

    public func beginTunnel(to name: String) throws(HTTPSerializer.Failure) {
        guard !isClosed else { return }
        guard case .notBegun = response else { preconditionFailure("one response to a request") }
        borrowMemory()
        responseStart = UInt32(output.count)
        keepsAlive = false
        opensTunnel = true
        response = .head(.untilClose)
        try output.beginResponse(status: 101)
        try server.commonFields.append(to: &output)
        try output.appendField("Upgrade", name)
        try output.appendField("Connection", "Upgrade")
    }

    public func appendField(_ name: String, _ value: String) throws(HTTPSerializer.Failure) {
        guard case .head = response, !isClosed else { return }
        try output.appendField(name, value)
    }

    public func appendField(name: RawSpan, value: RawSpan) throws(HTTPSerializer.Failure) {
        guard case .head = response, !isClosed else { return }
        try output.appendField(name: name, value: value)
    }

    public func appendLines(_ lines: RawSpan) {
        guard case .head = response, !isClosed else { return }
        output.appendLines(lines)
    }

    public func withdrawHead() {
        switch response {
        case .notBegun, .head:
            if !isClosed { output.truncate(to: Int(responseStart)) }
            opensTunnel = false
            isInterim = false
            response = .notBegun
        case .body, .ended: preconditionFailure("the head has ended")
        }
    }

    public func endHead() {
        guard case .head(let body) = response, !isClosed else { return }
        output.endHead()
        guard !isInterim else { return endInterimResponse() }
        response = .body(body)
        if opensTunnel { return enterTunnel() }
        if body.isWhole { endResponse() }
    }

    private func endInterimResponse() {
        isInterim = false
        response = .notBegun
        if !isProcessing { flush() }
    }

    private func enterTunnel() {
        timer.disarm()
        guard case .ended = request else { return }  // Else once the request has ended.
        request = .tunnel
        if !isProcessing { loop.submitLocally { [self] in goOn() } }
    }

    public func sendBody(_ bytes: RawSpan) {
        guard case .body(let body) = response, !isClosed, bytes.byteCount > 0 else { return }
        borrowMemory()
        switch body {
        case .none: return
        case .length(let remaining):
            guard UInt64(bytes.byteCount) <= remaining else { return abort() }
            response = .body(.length(remaining: remaining - UInt64(bytes.byteCount)))
            append(bytes)
        case .chunked: output.appendChunk(bytes)
        case .untilClose: append(bytes)
        }
        if !isProcessing || output.count > 16 << 10 { flush() }
        if case .body(.length(remaining: 0)) = response { endResponse() }
    }

    /// Large parts go past the output buffer.
    func append(_ bytes: RawSpan) {
        guard bytes.byteCount > 16 << 10 else { return output.appendBody(bytes) }
        flush()
        stream.write(bytes)
        noteWritten()
    }

    public func endResponse() { endResponse(trailers: TrailerFields()) }

    public func endResponse(trailers: TrailerFields) {
        guard case .body(let body) = response, !isClosed else { return }
        switch body {
        case .none, .untilClose: break
        case .length(let remaining): if remaining > 0 { return abort() }
        case .chunked:
            borrowMemory()
            output.endChunks(trailers)
        }
        response = .ended
        if !isProcessing { flush() }
        finishExchangeIfOver()
    }

    public var canWrite: Bool { isClosed || stream.queuedBytes + output.count < server.settings.highWaterBytes }

    public var isWaitingForClient: Bool { !isClosed && stream.queuedBytes > 0 }

    public func flush() { flush(moreFollows: false) }

    private func flush(moreFollows: Bool) {
        guard output.count > 0, !isClosed else { return }
        if case .head = response { return }  // It may be taken back.
        unsafe stream.write(output.bytes.span.bytes, moreFollows: moreFollows)
        returnMemory()
        noteWritten()
    }

    /// The client has as long as is due to take what is queued. If all was taken, that is progress of its request, too:
    /// who listens need not talk.
    private func noteWritten() {
        if stream.queuedBytes > 0 { return awaitProgress() }
        guard case .body = request, case .body = response, !isBodyPaused else { return }
        timer.arm(after: server.settings.progressTimeout)
    }

    /// Before something is written into ``output``.
    func borrowMemory() {
        if !output.hasMemory { swap(&output, &server.spareOutput) }
    }

    /// A connection with nothing to write holds no buffer.
    func returnMemory() {
        var empty = HTTPSerializer()
        swap(&output, &empty)
        guard empty.count <= 4096 else { return }
        empty.removeAll()
        server.spareOutput = empty
    }

    /// Gives the client time to take some of what is queued.
    func awaitProgress() {
        untakenAtLastCheck = UInt32(clamping: stream.untakenBytes)
        timer.arm(after: server.settings.progressTimeout)
    }

    public func sendFilePart(_ file: Int32, offset: Int64, count: Int) throws(UVError) -> Int? {
        guard case .body(.length(let remaining)) = response, !isClosed else { return 0 }
        guard !stream.isEncrypted else { return nil }  // The head then goes into one record with what is read.
        flush(moreFollows: true)  // The head leaves in one packet with the file's first bytes.
        guard let sent = try stream.trySendFile(file, offset: offset, count: Int(min(UInt64(count), remaining))) else {
            return nil
        }
        response = .body(.length(remaining: remaining - UInt64(sent)))
        if sent > 0 { timer.arm(after: server.settings.progressTimeout) }
        return sent
    }

    public var sendsBody: Bool {
        guard case .body(let body) = response, !isClosed else { return false }
        return !body.isWhole
    }
}
