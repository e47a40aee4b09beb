internal import IgropyrTime

extension HTTP2ServerConnection: OpenConnection {
    /// Says that nothing more comes and drops what the client still sends, for a while: closing with unread input would
    /// reset the connection, and the client might lose what was sent last.
    func linger() {
        guard !isClosed else { return }
        state = .lingering
        closeStreams()
        guard !isClosed else { return }  // A handler may have closed the server.
        idleDeadline = .distantFuture
        headDeadline = .distantFuture
        drainDeadline = .distantFuture
        watchDeadline = .distantFuture
        stream.endWriting()
        guard stream.queuedBytes == 0 else { return awaitProgress() }
        lingerOn()
    }

    func lingerOn() {
        guard !hasPeerEnded else { return abort() }
        stream.startReading()
        idleDeadline = loop.now.advanced(by: server.settings.lingerTimeout)
        arm(at: idleDeadline)
    }

    func finishClosing() {
        guard !isClosed else { return }
        state = .closed
        timer?.invalidate()
        timer = nil
        closeStreams()
        server.didClose(self)
    }

    /// Closes after the responses that are under way; not at once: requests may be on their way.
    func drain() {
        switch state {
        case .open, .draining:
            retire()
            for stream in serverStreams { stream.exchange?.serverWillDrain() }
        case .lingering: if stream.queuedBytes == 0 { abort() }
        case .closed: break
        }
    }

    func retire() {
        guard case .open = state else { return }
        state = .draining
        session.announceEnd()
        drainDeadline = loop.now.advanced(by: server.settings.drainIdleTimeout)
        arm(at: drainDeadline)
        scheduleSend()
    }

    // MARK: Time

    /// Has ``timeOut()`` called at `deadline`, or before.
    func arm(at deadline: Timestamp) {
        guard deadline < timerDeadline else { return }
        timerDeadline = deadline
        timer?.arm(at: deadline)
    }

    /// Gives the client time to take some of what is queued in the socket.
    func awaitProgress() {
        untakenAtLastCheck = stream.untakenBytes
        writeDeadline = loop.now.advanced(by: server.settings.progressTimeout)
        arm(at: writeDeadline)
    }

    func timeOut() {
        timerDeadline = .distantFuture
        let now = loop.now
        if writeDeadline <= now {
            let taken = untakenAtLastCheck - stream.untakenBytes
            guard taken >= server.settings.leastTaken else { return abortSlowClient() }
            awaitProgress()
        }
        switch state {
        case .open, .draining: handleDeadlines(at: now)
        case .lingering: if idleDeadline <= now { return abort() }
        case .closed: return
        }
        guard !isClosed else { return }
        arm(at: min(idleDeadline, headDeadline, writeDeadline, drainDeadline, watchDeadline))
        for stream in serverStreams { arm(at: stream.deadline) }
    }

    /// Has a client that sends nothing more looked after, as that of HTTP/1.1 (``ClientWatch``). What it is asked by
    /// needs no answer, and no program of its ever sees it.
    func watchClient() {
        session.ping()
        stream.setKeepAlive(after: ClientWatch.keepAlive)
        watchDeadline = loop.now.advanced(by: ClientWatch.interval)
        arm(at: watchDeadline)
    }

    /// What it has are its own.
    var serverStreams: [HTTP2ServerStream] { streams.compactMap { $0 as? HTTP2ServerStream } }

    private func handleDeadlines(at now: Timestamp) {
        if idleDeadline <= now {
            idleDeadline = .distantFuture
            session.terminate(.none)
        }
        if headDeadline <= now {
            headDeadline = .distantFuture
            server.count(\.timeouts)
            session.terminate(.enhanceYourCalm)
        }
        if drainDeadline <= now {
            drainDeadline = .distantFuture
            session.refuseRequests()
        }
        if watchDeadline <= now {
            guard !stream.isBroken else {
                server.count(\.failedConnections)
                return abort()
            }
            watchDeadline = now.advanced(by: ClientWatch.interval)
        }
        for stream in serverStreams where stream.deadline <= now {
            stream.timeOut(at: now)
            guard !isClosed else { return }
        }
        send()
    }

    /// By a reset: closed only, the kernel would go on holding megabytes for a client that takes a few bytes a second.
    func abortSlowClient() {
        server.count(\.timeouts)
        guard !isClosed else { return }
        stream.reset()
        finishClosing()
    }
}
