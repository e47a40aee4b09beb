internal import IgropyrHTTP

extension HTTPServerConnection {
    public var negotiatedProtocol: String? { stream.negotiatedProtocol }

    /// What the client has shown and an authority that the server trusts has vouched for; made anew at each call.
    public var clientCertificate: TLSPeerCertificate? { stream.peerCertificate }

    public var issuedKeyName: String? { stream.issuedKeyName }

    public func streamDidFinishHandshake() {
        server.count(\.handshakes)
        if stream.isResumed { server.count(\.resumedHandshakes) }
        let isHTTP2 = mayBeHTTP2 && stream.negotiatedProtocol == "h2"
        mayBeHTTP2 = false
        if isHTTP2 { return becomeHTTP2() }
        timer.arm(after: isDraining ? server.settings.drainIdleTimeout : server.settings.headTimeout)
    }

    /// Answers as nginx does: what a browser shows when somebody typed `http://` before the name.
    public func streamDidReceivePlainHTTP() -> Bool {
        server.count(\.plainConnections)
        keepsAlive = false
        let text = "400: this port speaks TLS, ask by https://\n"
        do throws(HTTPSerializer.Failure) {
            try beginResponse(status: 400, framing: .length(UInt64(text.utf8.count)))
            try appendField("Content-Type", "text/plain")
        } catch { return false }
        endHead()
        unsafe sendBody(text.utf8.span.bytes)
        linger()
        return true
    }

    func countFailure(_ error: TransportError) {
        if stream.isHandshaking { return server.count(\.failedHandshakes) }
        // Many clients close an idle connection without a word; nothing is missing then.
        if case .security(let error) = error, error.code == .truncated, case .none = request, parser.isBetweenMessages {
            return
        }
        server.count(\.failedConnections)
    }
}
