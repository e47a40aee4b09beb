internal import IgropyrHTTP

extension HTTPServerConnection: OpenConnection {
    func finishExchangeIfOver() {
        guard case .ended = response, !isClosed else { return }
        switch request {
        case .ended:
            exchange = nil
            request = .none
            guard keepsAlive else { return linger() }
            if stream.queuedBytes > 0 { awaitProgress() } else { timer.arm(after: restTimeout) }
            if !isProcessing, hasToGoOn { loop.submitLocally { [self] in goOn() } }
        case .body:  // The answer is complete before the question.
            exchange = nil
            if !isProcessing { dropRestOfBody() }  // Else once what has arrived was looked at.
        case .tunnel:
            exchange = nil
            linger()
        case .none: break
        }
    }

    /// Whether something was held back while a request was handled; nearly always nothing was.
    private var hasToGoOn: Bool { !input.isEmpty || hasPeerEnded || isBodyPaused }

    /// Reads on if the answer is complete and the connection shall live on: little is left of the question then.
    func dropRestOfBody() {
        guard case .body = request, case .ended = response, !isClosed else { return }
        guard keepsAlive else { return linger() }
        resumeBody()
    }

    /// Says that nothing more comes and drops what the client still sends, for a while: closing with unread input would
    /// reset the connection, and the client might lose the response.
    func linger() {
        guard !isLingering, !isClosed else { return flush() }
        isLingering = true
        dropInput()
        unsafe stream.endWriting(after: output.bytes.span.bytes)
        returnMemory()
        guard stream.queuedBytes == 0 else { return awaitProgress() }
        lingerOn()
    }

    /// All was sent; only the client's end is missing.
    func lingerOn() {
        guard !hasPeerEnded else { return abort() }
        stream.startReading()
        timer.arm(after: server.settings.lingerTimeout)
    }

    /// While input is looked at it is not ours to change; what is left is dropped when that ends.
    func dropInput() {
        if !isProcessing { input.removeAll() }
    }

    func refuse(_ error: HTTPError) {
        server.count(\.refusedRequests)
        if case .none = request { response = .notBegun }  // What ended is the answer to an earlier request.
        refuse(status: error.status)
    }

    /// Its body does not come, or too slowly.
    func refuseSlowRequest() {
        server.count(\.timeouts)
        refuse(status: 408)
    }

    /// Answers without a handler, if nothing was answered yet, and ends the connection.
    func refuse(status: Int) {
        guard case .ended = response else {
            guard case .notBegun = response else { return abort() }
            keepsAlive = false
            method = .get
            let text = "\(status)\n"
            do throws(HTTPSerializer.Failure) {
                try beginResponse(status: status, framing: .length(UInt64(text.utf8.count)))
                try appendField("Content-Type", "text/plain")
                endHead()
                response = .ended
                unsafe output.appendBody(Array(text.utf8).span.bytes)
            } catch { return abort() }
            let exchange = exchange
            self.exchange = nil
            if let exchange {
                exchange.requestWasRefused(status: status)
            } else {
                server.handler.requestWasRefused(status: status, on: self)
            }
            return linger()
        }
        linger()
    }

    public func abort() {
        guard !isClosed else { return }
        isClosed = true
        stream.close()
        finishClosing()
    }

    /// A reset: closed only, the kernel would go on holding megabytes for a client that takes a few bytes a second.
    private func cutSlowReader() {
        server.count(\.timeouts)
        stream.reset()
        finishClosing()
    }

    /// Closes after the response that is under way, or when idle; but not at once: a request may be on its way.
    func drain() {
        retire()
        if isLingering, stream.queuedBytes == 0 { return abort() }
        exchange?.serverWillDrain()
    }

    /// A client whose response has begun without a word of the end may ask once more.
    func retire() {
        isDraining = true
        if !hasSaidWhatFollows { keepsAlive = false }
        guard case .none = request, !isLingering, parser.isBetweenMessages, input.isEmpty else { return }
        timer.arm(after: server.settings.drainIdleTimeout)
    }

    private var hasSaidWhatFollows: Bool {
        switch response {
        case .notBegun: false
        case .head: !isInterim
        case .body, .ended: true
        }
    }

    /// How long it may be until the next request.
    var restTimeout: Duration { isDraining ? server.settings.drainIdleTimeout : server.settings.idleTimeout }

    func finishClosing() {
        isClosed = true
        timer.invalidate()
        watch?.invalidate()
        dropInput()
        let exchange = exchange
        self.exchange = nil
        exchange?.clientDidAbort()
        server.didClose(self)
    }

    func timeOut() {
        guard !stream.isHandshaking else {
            server.count(\.handshakeTimeouts)
            return abort()
        }
        if stream.queuedBytes > 0, Int(untakenAtLastCheck) - stream.untakenBytes >= server.settings.leastTaken {
            return awaitProgress()
        }
        if case .none = request, !isLingering, !parser.isBetweenMessages {
            response = .notBegun
            refuseSlowRequest()
        } else if stream.queuedBytes > 0 {
            cutSlowReader()
        } else if case .body = request, !isLingering {
            refuseSlowRequest()
        } else {
            if case .none = request {} else if !isLingering { server.count(\.timeouts) }
            abort()
        }
    }
}

extension HTTPServerSettings {
    /// Bytes that a client must take of what it was sent in each ``progressTimeout``.
    var leastTaken: Int {
        let seconds = Double(progressTimeout.components.seconds) + Double(progressTimeout.components.attoseconds) / 1e18
        return max(1, Int(min(Double(minimumBytesPerSecond) * seconds, 1e12)))
    }
}
