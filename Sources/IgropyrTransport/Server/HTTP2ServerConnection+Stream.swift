extension HTTP2ServerConnection: ByteStreamDelegate {
    func streamDidRead(_ bytes: RawSpan) {
        switch state {
        case .open, .draining: receive(bytes)
        case .lingering, .closed: break
        }
    }

    func streamDidEnd() {
        hasPeerEnded = true
        switch state {
        case .open, .draining:
            // Who has asked may still read the answers; what was not asked in full will not be.
            for stream in serverStreams where !stream.isRequestEnded { stream.cut(.cancel) }
            if !streams.isEmpty { watchClient() }
            send()
        case .lingering: if stream.queuedBytes == 0 { abort() }
        case .closed: break
        }
    }

    func streamDidDrain() {
        writeDeadline = .distantFuture
        switch state {
        case .open, .draining:
            if !hasPeerEnded { stream.startReading() }
            send()
        case .lingering: lingerOn()
        case .closed: break
        }
    }

    func streamDidFail(_ error: TransportError) {
        // Many clients close an idle connection without a word; nothing is missing then.
        let isCut = if case .security(let error) = error { error.code == .truncated } else { false }
        if !isCut || !streams.isEmpty { server.count(\.failedConnections) }
        finishClosing()
    }
}
