internal import IgropyrUV

/// How a client is looked after that sends nothing more, or is not read from, while a handler works for it. An end of
/// its sending is no sign: it may read on (RFC 9112 §9.6). A reset is, and the kernel has it, but tells it only who
/// reads or writes.
enum ClientWatch {
    /// How often that is asked for.
    static let interval = Duration.seconds(1)
    /// After so long without a sign of it the kernel asks the client's kernel, which answers by a reset once it has
    /// forgotten a connection that was closed; Linux's has after a minute (`tcp_fin_timeout`).
    static let keepAlive = Duration.seconds(15)
}

extension HTTPServerConnection {
    /// Has the client looked after until it is read from again, or this connection has done with it.
    func watchClient() {
        guard !isClosed, watch?.isArmed != true else { return }
        let watch = watch ?? WheelTimer(on: server.wheel) { [self] in lookAfterClient() }
        self.watch = watch
        if hasPeerEnded { stream.setKeepAlive(after: ClientWatch.keepAlive) }
        watch.arm(after: ClientWatch.interval)
    }

    private func lookAfterClient() {
        guard !isClosed, !isLingering, !stream.isReading else { return }
        if case .none = request { return }
        guard !stream.isBroken else {
            server.count(\.failedConnections)
            return abort()
        }
        probe()
        watchClient()
    }

    /// Writes to a client that has ended its sending and waits for an answer. If it has closed the connection, not half
    /// of it, its kernel answers by a reset. If not, it passes over 100 (Continue), as it must (RFC 9110 §15.2);
    /// HTTP/1.0 knows no such answers.
    private func probe() {
        guard hasPeerEnded, !hasProbed, version != .http10, canWrite, case .ended = request, case .notBegun = response
        else { return }
        hasProbed = true
        borrowMemory()
        try? output.beginResponse(status: 100)
        output.endHead()
        flush()
    }
}
