extension HTTPServerConnection: ByteStreamDelegate {
    public func streamDidRead(_ bytes: RawSpan) {
        guard !isLingering else { return }
        if mayBeHTTP2 { lookForPreface(bytes) } else { takeInput(bytes) }
    }

    func takeInput(_ bytes: RawSpan) {
        let wasBetweenMessages = parser.isBetweenMessages
        switch request {
        case .none: if canWrite { input.add(bytes) { process($0) } } else { hold(bytes) }
        case .body, .tunnel: input.add(bytes) { process($0) }
        case .ended: hold(bytes)
        }
        dropRestOfBody()
        guard !isClosed else { return }
        flush()
        goOnOnceThereIsRoom()
        switch request {
        case .none: if wasBetweenMessages, !parser.isBetweenMessages { timer.arm(after: server.settings.headTimeout) }
        case .body:
            guard !isBodyPaused else { return }
            guard !isBodyTooSlow else { return refuseSlowRequest() }
            timer.arm(after: server.settings.progressTimeout)
        case .ended, .tunnel: break
        }
    }

    private func hold(_ bytes: RawSpan) {
        input.append(bytes)
        if case .none = request { isAwaitingRoom = true }
        guard input.count >= server.settings.pipelineBytes else { return }
        stream.stopReading()
        watchClient()
    }

    /// Looked at whenever some of it arrives; that nothing arrives is for the timer to notice. Not so while both ends
    /// talk: there is no more to say at a time then.
    private var isBodyTooSlow: Bool {
        if case .body = response { return false }
        let settings = server.settings
        return bodyRate?.isBelow(settings.minimumBytesPerSecond, after: settings.rateGrace, at: loop.now) ?? false
    }

    public func streamDidEnd() {
        hasPeerEnded = true
        guard !isLingering else { return stream.queuedBytes == 0 ? abort() : () }
        switch request {
        case .none: goOn()  // Requests that came before wait their turn; what is queued still has a reader.
        case .body: abort()
        case .tunnel:
            watchClient()
            exchange?.requestDidEnd()
        case .ended: server.settings.allowsHalfClosure ? watchClient() : abort()
        }
    }

    public func streamDidDrain() {
        if isLingering { return lingerOn() }
        switch request {
        case .none:
            guard !isAwaitingRoom else { return goOn() }
            if parser.isBetweenMessages { timer.arm(after: restTimeout) }
        case .body: if isBodyPaused { timer.disarm() }
        case .ended, .tunnel: timer.disarm()
        }
        exchange?.responseDidDrain()
    }

    public func streamDidFail(_ error: TransportError) {
        countFailure(error)
        finishClosing()
    }
}
