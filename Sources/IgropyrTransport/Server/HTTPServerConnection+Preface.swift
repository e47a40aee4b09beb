internal import IgropyrHTTP

/// What a client sends first in HTTP/2 (RFC 9113 §3.4). Its first line is that of no HTTP/1.1 request.
enum HTTP2Preface {
    static let bytes = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
}

extension HTTPServerConnection {
    /// Hands the connection over if the client speaks HTTP/2; else its bytes are HTTP/1.1's, from the first one on.
    func lookForPreface(_ bytes: RawSpan) {
        guard !isEncrypted else {
            mayBeHTTP2 = false
            return stream.negotiatedProtocol == "h2" ? becomeHTTP2(after: 0, bytes) : takeInput(bytes)
        }
        // What was kept equals the preface so far.
        let known = input.count
        let count = min(HTTP2Preface.bytes.count - known, bytes.byteCount)
        guard bytes.array(in: 0..<count)[...] == HTTP2Preface.bytes[known..<(known + count)] else {
            mayBeHTTP2 = false
            return takeInput(bytes)
        }
        if known + count < HTTP2Preface.bytes.count { input.append(bytes) } else { becomeHTTP2(after: known, bytes) }
    }

    /// `known` bytes of the preface came before `bytes`.
    private func becomeHTTP2(after known: Int, _ bytes: RawSpan) {
        let connection: HTTP2ServerConnection
        do throws(HTTP2Session.Failure) {
            connection = try HTTP2ServerConnection(stream, server: server, handler: handler)
        } catch { return abort() }
        isClosed = true  // This object has no part in it any more.
        timer?.invalidate()
        timer = nil
        server.replace(self, by: connection)
        connection.start()
        let preface = HTTP2Preface.bytes
        if known > 0 { connection.receive(unsafe preface.span.bytes.extracting(first: known)) }
        connection.receive(bytes)
    }
}
