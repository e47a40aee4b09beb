internal import IgropyrTransport
internal import IgropyrUV

/// The exchange carries the frames of a WebSocket once one is open.
extension Exchange: WebSocketTunnel {
    var loop: EventLoop { connection.loop }

    var canWrite: Bool { connection.canWrite }

    func write(_ bytes: RawSpan) {
        guard !isOver else { return }
        connection.sendBody(bytes)
        noteSent(bytes.byteCount)
    }

    func pauseReading() {
        if !isOver { connection.pauseBody() }
    }

    func resumeReading() {
        if !isOver { connection.resumeBody() }
    }

    func endWriting() { endResponse() }
}
