public import IgropyrUV

/// A connection, plain or under TLS, that its owner reads and writes in the same way; stays on its loop.
public final class ByteStream {
    private let tcp: TCPStream
    /// Nil for a plain stream.
    @safe @exclusivity(unchecked) private var tls: TLSSession?
    @safe @exclusivity(unchecked) private(set) var isReading = false
    /// Plaintext may wait in `tls`.
    private var isPullScheduled = false
    @safe @exclusivity(unchecked) private var isClosed = false
    /// Something written waits for the handshake, and its writer maybe for ``ByteStreamDelegate/streamDidDrain()``.
    @safe @exclusivity(unchecked) private var isWaitingForHandshake = false
    /// What TLS itself had to answer (alerts, tickets) since the kernel last had taken all.
    @safe @exclusivity(unchecked) private var answerBytes: Int32 = 0
    /// On the heap, since mostly there are none.
    private let statedAddresses: StatedAddresses?
    /// More of that waits for a peer only if it asks again and again and takes no answer.
    private static let answerLimitBytes = 64 << 10

    /// Before the handshake, as after it, writers hold back by ``queuedBytes``; this bounds one write of theirs.
    private static let tlsLimits = {
        var limits = TLSSession.Limits()
        limits.plaintextBeforeHandshakeBytes = 32 << 20
        limits.untakenBytes = 2 * limits.plaintextBeforeHandshakeBytes
        return limits
    }()

    /// Strong: the owner of a connection lives as long as the connection is open. Closing lets go of it.
    @safe @exclusivity(unchecked)  // Used for each piece of input, where that check shows in the profile.
    public var delegate: (any ByteStreamDelegate)?

    /// Takes over a connected stream. With a context, the handshake begins with the first reads and writes;
    /// `serverName` is whom a client expects, see ``TLSSession/init(_:serverName:limits:)``. The addresses of
    /// `proxyHeader`, which was read from the stream, stand in for its own.
    /// - Throws: `.setup` if OpenSSL has no memory; the stream is then closed.
    public init(
        _ tcp: TCPStream, tls context: TLSContext? = nil, serverName: String? = nil, proxyHeader: ProxyHeader = .local
    ) throws(TLSError) {
        self.tcp = tcp
        statedAddresses = StatedAddresses(proxyHeader)
        do throws(TLSError) {
            tls = try context.map { context throws(TLSError) in
                try TLSSession(context, serverName: serverName, limits: Self.tlsLimits)
            }
        } catch {
            tcp.close()
            throw error
        }
        tcp.delegate = self
        flushCiphertext()
    }

    public var loop: EventLoop { tcp.loop }
    public var isEncrypted: Bool { tls != nil }
    /// Whether this end is a server that proves itself by a certificate, as browsers know them.
    var showsCertificate: Bool { tls?.showsCertificate ?? false }
    /// TLS is not agreed on yet, or could not be.
    public var isHandshaking: Bool { tls?.isHandshaking ?? false }
    /// What both ends agreed to speak, by its name in ALPN, such as `h2`; nil for a plain stream, before
    /// ``ByteStreamDelegate/streamDidFinishHandshake()``, and if the client offered nothing.
    public var negotiatedProtocol: String? { tls?.negotiatedProtocol }
    /// Whether an earlier session shortened the handshake.
    public var isResumed: Bool { tls?.isResumed ?? false }
    /// What the peer has shown and this end has verified.
    public var peerCertificate: TLSPeerCertificate? { tls?.peerCertificate }
    /// The name of the issued key that the client has proven to hold.
    public var issuedKeyName: String? { tls?.issuedKeyName }
    /// Who is at the other end, or who is behind the proxy there.
    public var peerAddress: SocketAddress? { Self.unmapped(statedAddresses.map(\.source) ?? tcp.peerAddress) }
    public var localAddress: SocketAddress? { Self.unmapped(statedAddresses.map(\.destination) ?? tcp.localAddress) }

    /// One client is one, whether its connection came to a socket for IPv4 or to one for both: IPv4 is told as such.
    private static func unmapped(_ address: SocketAddress?) -> SocketAddress? {
        address.map { SocketAddress(host: $0.host.unmapped, port: $0.port) }
    }

    /// Bytes written that the kernel has not taken yet.
    public var queuedBytes: Int { tcp.queuedBytes + (tls?.waitingBytes ?? 0) }

    /// Bytes written that have not arrived: what is queued, and what the kernel has. That may be megabytes, of which a
    /// third has to go before the kernel takes more, so that ``queuedBytes`` alone does not show what a slow peer
    /// takes. One system call.
    var untakenBytes: Int { queuedBytes + tcp.unacknowledgedBytes }

    /// As ``TCPStream/isBroken``.
    var isBroken: Bool { tcp.isBroken }

    /// As ``TCPStream/setKeepAlive(after:)``.
    func setKeepAlive(after idle: Duration) { tcp.setKeepAlive(after: idle) }

    public func startReading() {
        guard !isClosed, !isReading else { return }
        isReading = true
        tcp.startReading()
        guard tls != nil, !isPullScheduled else { return }
        isPullScheduled = true
        loop.submitLocally { [self] in
            isPullScheduled = false
            pullPlaintext()
        }
    }

    /// What arrives stays with the kernel (and, up to a record or so, in the TLS session).
    public func stopReading() {
        isReading = false
        guard !isClosed else { return }
        tcp.stopReading()
    }

    /// Sends bytes after all that was written before; what the kernel does not take at once is queued without a limit.
    ///
    /// `moreFollows` is as in ``TCPStream/write(_:moreFollows:)``; without effect under TLS.
    public func write(_ bytes: RawSpan, moreFollows: Bool = false) {
        guard !isClosed else { return }
        guard let tls else { return tcp.write(bytes, moreFollows: moreFollows) }
        encrypt(bytes, tls)
        flushCiphertext()
    }

    /// Sends a part of a file straight from the kernel's cache; see ``TCPStream/trySendFile(_:offset:count:)``.
    /// - Returns: the bytes sent; nil if this connection is encrypted: read the file, then, and write it.
    public func trySendFile(_ file: Int32, offset: Int64, count: Int) throws(UVError) -> Int? {
        guard tls == nil else { return nil }
        return try tcp.trySendFile(file, offset: offset, count: count)
    }

    /// Sends bytes and ends this side's sending, after all that was written.
    public func endWriting(after bytes: RawSpan) {
        guard !isClosed else { return }
        if let tls { encrypt(bytes, tls) } else { tcp.write(bytes) }
        endWriting()  // What says so in TLS leaves together with the bytes.
    }

    /// Ends this side's sending, after all that was written.
    public func endWriting() {
        guard !isClosed else { return }
        tls?.close()
        flushCiphertext()
        tcp.endWriting()
    }

    /// Idempotent. Sends what is queued, then closes; bound the wait with a timer that calls ``close()``.
    public func closeAfterWriting() {
        guard !isClosed else { return }
        tls?.close()
        flushCiphertext()
        isClosed = true
        delegate = nil
        tcp.closeAfterWriting()
    }

    /// Idempotent. What is queued is lost.
    public func close() {
        isClosed = true
        delegate = nil
        tcp.close()
    }

    /// Idempotent. What is queued is lost, and what the kernel holds for the peer, too.
    public func reset() {
        isClosed = true
        delegate = nil
        tcp.reset()
    }

    // MARK: TLS

    private func encrypt(_ bytes: RawSpan, _ tls: TLSSession) {
        guard bytes.byteCount > 0 else { return }
        do throws(TLSError) {
            try tls.write(plaintext: bytes)
        } catch {
            failLater(.security(error))
        }
        if tls.waitingBytes > 0 { isWaitingForHandshake = true }
    }

    private func flushCiphertext() {
        guard let tls else { return }
        tls.takeCiphertext { tcp.write($0) }
        guard isWaitingForHandshake, tls.waitingBytes == 0 else { return }
        isWaitingForHandshake = false
        // If the kernel took all at once, nobody else will say so.
        loop.submitLocally { [self] in if tcp.queuedBytes == 0 { delegate?.streamDidDrain() } }
    }

    private func pullPlaintext() {
        guard let tls else { return }
        do throws(TLSError) {
            while isReading, !isClosed {
                switch try tls.read(into: { delegate?.streamDidRead($0) }) {
                case .data: continue
                case .needsCiphertext: return try flushAnswers(of: tls)
                case .endOfStream:
                    isReading = false
                    delegate?.streamDidEnd()
                    return flushCiphertext()
                }
            }
        } catch {
            fail(.security(error))
        }
    }

    private func flushAnswers(of tls: TLSSession) throws(TLSError) {
        answerBytes = tcp.queuedBytes == 0 ? 0 : answerBytes + Int32(clamping: tls.untakenBytes)
        guard answerBytes <= Self.answerLimitBytes else {
            throw TLSError(.protocolViolation, "TLS: the peer asks for answers and does not take them")
        }
        flushCiphertext()
    }

    private func fail(_ error: TransportError) {
        guard !isClosed else { return }
        flushCiphertext()  // An alert may tell the peer why.
        let delegate = delegate
        closeAfterWriting()
        delegate?.streamDidFail(error)
    }

    private func failLater(_ error: TransportError) {
        loop.submitLocally { [self] in fail(error) }
    }
}

/// What a PROXY header says in place of the kernel.
private final class StatedAddresses {
    let source: SocketAddress
    let destination: SocketAddress

    init?(_ header: ProxyHeader) {
        guard case .proxied(let source, let destination) = header else { return nil }
        self.source = source
        self.destination = destination
    }
}

extension ByteStream: TCPStreamDelegate {
    public func streamDidRead(_ bytes: RawSpan) {
        guard let tls else { return delegate?.streamDidRead(bytes) ?? () }
        do throws(TLSError) {
            let wasHandshaking = tls.isHandshaking
            try tls.receive(ciphertext: bytes) {
                if wasHandshaking, !tls.isHandshaking { delegate?.streamDidFinishHandshake() }
                pullPlaintext()
            }
        } catch {
            guard error.code == .notTLS, tls.showsCertificate, bytes.beginsLikeHTTP, becomePlain() else {
                return fail(.security(error))
            }
        }
    }

    private func becomePlain() -> Bool {
        tls = nil
        return delegate?.streamDidReceivePlainHTTP() ?? false
    }

    public func streamDidEnd() {
        guard let tls else {
            isReading = false
            delegate?.streamDidEnd()
            return
        }
        do throws(TLSError) {
            try tls.receiveEndOfFile()
        } catch {
            return fail(.security(error))
        }
        pullPlaintext()  // Finds whether the peer meant the end, after what it still sent.
    }

    public func streamDidDrain() { delegate?.streamDidDrain() }

    public func streamDidFail(_ error: UVError) {
        guard !isClosed else { return }
        let delegate = delegate
        close()
        delegate?.streamDidFail(.network(error))
    }
}

extension RawSpan {
    /// Whether the first byte could be a method's, as those of a TLS record cannot.
    fileprivate var beginsLikeHTTP: Bool {
        guard byteCount > 0 else { return false }
        return (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(unsafe unsafeLoad(as: UInt8.self))
    }
}
