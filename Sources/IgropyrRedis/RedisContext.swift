internal import CHiredis
internal import Glibc
internal import IgropyrDatabase
internal import IgropyrTransport
internal import IgropyrUV

/// One of hiredis' contexts that do not block, freed with this object: the socket, what is to be sent, what has come.
///
/// Not its asynchronous one, which ends the process by an assertion if a server says what it was not asked for.
@safe
final class RedisContext {
    private let raw: UnsafeMutablePointer<redisContext>
    private let allowance: RedisAllowance
    private let tls: RedisTLS?
    /// Of what is to be sent, what TLS has taken.
    private var takenCount = 0

    /// Begins to connect; all goes by TLS if there is a session. Answers of more than `limitBytes` are refused.
    /// - Throws: `.connectionLost` if that fails at once.
    init(_ place: ServerName.Place, _ session: TLSSession?, limitBytes: Int) throws(RedisError) {
        allowance = RedisAllowance(limitBytes)
        let context =
            switch place {
            case .address(let address): unsafe redisConnectNonBlock(address.hostText, Int32(address.port))
            case .path(let path): unsafe redisConnectUnixNonBlock(path)
            }
        guard let context = unsafe context else { throw .connectionLost("out of memory") }
        unsafe raw = unsafe context
        tls = session.map { unsafe RedisTLS($0, context.pointee.fd) }
        guard unsafe raw.pointee.err == 0, let reader = unsafe raw.pointee.reader else { throw lost }
        unsafe allowance.limit(reader)
        _ = unsafe fcntl(raw.pointee.fd, F_SETFD, FD_CLOEXEC)  // Child processes are not to have it.
        if case .address = place { unsafe redisEnableKeepAlive(raw) }
    }

    deinit {
        tls?.close()
        unsafe redisFree(raw)
    }

    var descriptor: Int32 { unsafe raw.pointee.fd }

    /// Whether all that came was taken.
    var isQuiet: Bool { unreadCount == 0 && tls?.isQuiet ?? true }

    /// Whether the server is connected and has not answered the TLS handshake: one without TLS waits for a line's end.
    var isHandshaking: Bool { tls.map { $0.isHandshaking && $0.isFlushed } ?? false }

    private var unreadCount: Int { unsafe raw.pointee.reader.pointee.len - raw.pointee.reader.pointee.pos }

    /// Lets answers take the whole limit again.
    func renewAllowance() { allowance.renew() }

    func append(_ command: RedisCommand) throws(RedisError) {
        let lengths = command.parts.map(\.count)
        let bytes = Array(command.parts.joined()) + [0]  // One byte at least, for there to be an address.
        let result = unsafe bytes.withUnsafeBytes { memory in
            var next = unsafe memory.baseAddress?.assumingMemoryBound(to: CChar.self)
            var parts: [UnsafePointer<CChar>?] = unsafe lengths.map { length in
                defer { unsafe next = unsafe next?.advanced(by: length) }
                return unsafe next
            }
            return unsafe redisAppendCommandArgv(raw, Int32(lengths.count), &parts, lengths)
        }
        guard result == REDIS_OK else { throw lost }
    }

    /// Sends what the kernel takes.
    /// - Returns: whether nothing is left that could be sent before something comes.
    func send() throws(RedisError) -> Bool {
        if let tls { return try send(tls) }
        var isDone: Int32 = 0
        guard unsafe redisBufferWrite(raw, &isDone) == REDIS_OK else { throw lost }
        return isDone != 0
    }

    private func send(_ tls: RedisTLS) throws(RedisError) -> Bool {
        let count = unsafe sdslen(raw.pointee.obuf)
        let rest = unsafe UnsafeRawBufferPointer(start: raw.pointee.obuf + takenCount, count: count - takenCount)
        takenCount += try tls.send(unsafe rest.bytes)
        guard takenCount == count else { return tls.isFlushed && tls.isHandshaking }
        unsafe sdsfree(raw.pointee.obuf)
        unsafe raw.pointee.obuf = unsafe sdsempty()
        takenCount = 0
        return tls.isFlushed
    }

    /// Takes some of what has come, if anything has.
    func receive() throws(RedisError) {
        if let tls { return try receive(tls) }
        guard unsafe redisBufferRead(raw) == REDIS_OK else { throw lost }
    }

    private func receive(_ tls: RedisTLS) throws(RedisError) {
        var isFed = true
        try tls.receive { bytes in
            let result = unsafe bytes.withUnsafeBytes { bytes in
                unsafe redisReaderFeed(
                    raw.pointee.reader, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count)
            }
            isFed = isFed && result == REDIS_OK
        }
        guard isFed else { throw .connectionLost("out of memory") }
    }

    /// The next answer; nil if none has come whole.
    func nextAnswer() throws(RedisError) -> RedisValue? {
        var reply: UnsafeMutableRawPointer?
        let result = unsafe redisGetReplyFromReader(raw, &reply)
        guard result == REDIS_OK else { throw allowance.isExceeded ? tooLarge : lost }
        guard let reply = unsafe reply else {
            guard allowance.covers(unreadCount) else { throw tooLarge }
            return nil
        }
        defer { unsafe freeReplyObject(reply) }
        guard let value = unsafe RedisValue(reply.assumingMemoryBound(to: redisReply.self)) else {
            throw .connectionLost("the server speaks another protocol")
        }
        return value
    }

    private var tooLarge: RedisError { .resultTooLarge(limit: allowance.limitBytes) }

    /// hiredis' last words.
    private var lost: RedisError {
        unsafe withUnsafeBytes(of: &raw.pointee.errstr) { text in
            unsafe .connectionLost(String(decoding: text.prefix { $0 != 0 }, as: UTF8.self))
        }
    }
}
