import Glibc

/// A client and the workers of a proxy between them, played by one thread: who says what when depends on the input
/// alone.
///
/// The client says all at once and ends. Workers, on any address of loopback with ``port``, say one piece after the
/// other, each when a connection has brought something, or nothing goes on any more; when there is none left, they hang
/// up.
struct Stage {
    private struct Connection {
        let descriptor: Int32
        /// The position in ``received``.
        let number: Int
    }

    private let listener: Int32
    let port: UInt16
    private var connections: [Connection] = []
    private var pieces: ArraySlice<[UInt8]>
    /// What came on each connection to a worker.
    private(set) var received: [[UInt8]] = []

    init(workersSaying pieces: [[UInt8]]) {
        self.pieces = pieces[...]
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        require(descriptor >= 0 && FuzzClient.with(0, port: 0) { bind(descriptor, $0, $1) } == 0, "no port is left")
        require(listen(descriptor, 64) == 0)
        listener = descriptor
        port = Self.port(of: descriptor)
    }

    private static func port(of listener: Int32) -> UInt16 {
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) {
            _ = $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(listener, $0, &size) }
        }
        return UInt16(bigEndian: address.sin_port)
    }

    /// Plays until the proxy ends the client's connection, and returns all that the client has got.
    mutating func play(client bytes: [UInt8], onPort port: UInt16) -> [UInt8] {
        let client = FuzzClient.send(bytes, toPort: port)
        defer { close(client) }
        var answer: [UInt8] = []
        var idleRounds = 0
        while true {
            let ready = poll([client, listener] + connections.map(\.descriptor), milliseconds: 2)
            if ready.isEmpty {
                idleRounds += 1
                require(idleRounds < 1500, "the client waits in vain")
                speakUnasked()
            }
            if ready.contains(listener) { acceptOne() }
            for connection in connections where ready.contains(connection.descriptor) { hear(connection) }
            if ready.contains(client) {
                guard let piece = Self.receive(client) else { return answer }
                answer += piece
                require(answer.count <= 1 << 20, "the answer has no end")
            }
        }
    }

    /// Takes what is left once the proxy has ended.
    mutating func end() {
        while poll([listener], milliseconds: 0).contains(listener) { acceptOne() }
        for connection in connections {
            while let piece = Self.receive(connection.descriptor) { received[connection.number] += piece }
            close(connection.descriptor)
        }
        close(listener)
    }

    private mutating func acceptOne() {
        let descriptor = Int32(FuzzClient.uninterrupted { Int(accept(listener, nil, nil)) })
        guard descriptor >= 0 else { return }
        connections.append(Connection(descriptor: descriptor, number: received.count))
        received.append([])
    }

    private mutating func hear(_ connection: Connection) {
        guard let piece = Self.receive(connection.descriptor) else { return hangUp(connection) }
        received[connection.number] += piece
        speak(on: connection)
    }

    private mutating func speakUnasked() {
        guard let last = connections.last(where: { !received[$0.number].isEmpty }) else { return }
        speak(on: last)
    }

    private mutating func speak(on connection: Connection) {
        guard let piece = pieces.popFirst() else { return hangUp(connection) }
        _ = FuzzClient.uninterrupted { send(connection.descriptor, piece, piece.count, Int32(MSG_NOSIGNAL)) }
    }

    private mutating func hangUp(_ connection: Connection) {
        close(connection.descriptor)
        connections.removeAll { $0.descriptor == connection.descriptor }
    }

    /// Nil at the end, be it a reset.
    private static func receive(_ descriptor: Int32) -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 1 << 14)
        let count = FuzzClient.uninterrupted { recv(descriptor, &buffer, buffer.count, 0) }
        return count > 0 ? Array(buffer.prefix(count)) : nil
    }

    /// Those where something came.
    private func poll(_ descriptors: [Int32], milliseconds: Int32) -> [Int32] {
        var wishes = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        _ = FuzzClient.uninterrupted { Int(Glibc.poll(&wishes, nfds_t(wishes.count), milliseconds)) }
        return wishes.filter { $0.revents != 0 }.map(\.fd)
    }
}
