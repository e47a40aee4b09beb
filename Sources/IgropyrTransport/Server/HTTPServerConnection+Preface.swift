internal import IgropyrHTTP

/// What a client sends first in HTTP/2 (RFC 9113 §3.4). Its first line is that of no HTTP/1.1 request.
private let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

extension HTTPServerConnection {
    /// Hands the connection over if the client speaks HTTP/2 without asking; else its bytes are HTTP/1.1's, from the
    /// first one on.
    func lookForPreface(_ bytes: RawSpan) {
        let known = input.count  // What was kept equals the preface so far.
        let count = min(preface.count - known, bytes.byteCount)
        guard bytes.array(in: 0..<count)[...] == preface[known..<(known + count)] else {
            mayBeHTTP2 = false
            return takeInput(bytes)
        }
        guard known + count == preface.count else { return input.append(bytes) }
        becomeHTTP2 { connection in
            if known > 0 { connection.receive(unsafe preface.span.bytes.extracting(first: known)) }
            connection.receive(bytes)
        }
    }

    /// From here on another object has the connection; `begin` gives it what arrived already.
    func becomeHTTP2(_ begin: (HTTP2ServerConnection) -> Void = { $0.flush() }) {
        let connection: HTTP2ServerConnection
        do throws(HTTP2Session.Failure) {
            connection = try HTTP2ServerConnection(stream, server: server)
        } catch { return abort() }
        isClosed = true  // Whatever still happens here has no effect.
        timer.invalidate()
        watch?.invalidate()
        dropInput()
        server.replace(self, by: connection)
        connection.start()
        begin(connection)
        if isDraining { connection.drain() }
    }
}
