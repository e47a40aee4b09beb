import Glibc
import Igropyr
import IgropyrUV
import Testing

/// The tables of docs/differential.md say what is so.
@Suite(.timeLimit(.minutes(5))) struct DifferentialTests {
    @Test func `odd requests are judged as docs/differential.md says`() async throws {
        let requests = try OddRequest.all()
        #expect(requests.count > 60)
        try await withApp { app in
            app.get("/**") { _ in "ok" }
            app.post("/**") { request async throws in "\(try await request.body(upTo: 1 << 20).count)" }
        } _: { caller in
            for request in requests {
                let verdict = try verdict(of: request.bytes) { try connect(toPort: caller.server.address.port) }
                #expect(verdict == request.verdicts["Igropyr"], "\(request.name)")
            }
        }
    }

    @Test(arguments: RivalServer.Kind.allCases) func `others judge odd requests as it says, too`(
        kind: RivalServer.Kind
    ) async throws {
        let requests = try OddRequest.all()
        guard let column = await kind.column(), requests.allSatisfy({ $0.verdicts[column] != nil }) else {
            return print("SKIPPED, \(kind.rawValue) is not here in a version of docs/differential.md: odd requests")
        }
        let server = try RivalServer(kind)
        let end = ContinuousClock.now.advanced(by: .seconds(60))
        while true {
            do {
                close(try connect(toSocket: server.socket))
                break
            } catch {
                guard server.isRunning, ContinuousClock.now < end else { throw error }
                try await Task.sleep(for: .milliseconds(10))
            }
        }
        for request in requests {
            let verdict = try verdict(of: request.bytes) { try connect(toSocket: server.socket) }
            #expect(verdict == request.verdicts[column], "\(column): \(request.name)")
        }
        #expect(server.isRunning, "\(server.errors)")
    }

    @Test func `where verdicts differ, and only there, it says why`() throws {
        for request in try OddRequest.all() {
            #expect(request.reason.isEmpty == (Set(request.verdicts.values).count == 1), "\(request.name)")
        }
    }

    @Test func `nothing is served that nginx and Node.js both refuse`() throws {
        for request in try OddRequest.all() where request.verdicts["Igropyr"]?.first == "2" {
            let others = [request.verdicts["nginx 1.22"], request.verdicts["Node 20"]]
            #expect(others.contains { $0?.first == "2" }, "\(request.name)")
        }
    }
}

/// Sends `bytes` and a plain request, then the end. The status codes of all that is answered before the server closes.
private func verdict(of bytes: [UInt8], on connect: () throws -> Int32) throws -> String {
    let socket = try connect()
    defer { close(socket) }
    var limit = timeval(tv_sec: 60, tv_usec: 0)
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    let wire = bytes + Array("GET /end HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".utf8)
    var sent = 0
    while sent < wire.count {
        // One that has refused the beginning may have closed.
        let count = wire[sent...].withUnsafeBytes {
            send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        guard count > 0 else { break }
        sent += count
    }
    shutdown(socket, Int32(SHUT_WR))

    var received: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 1 << 16)
    while true {
        let count = recv(socket, &piece, piece.count, 0)
        guard count > 0 else {
            guard count == 0 || errno != EAGAIN else { return "no end" }
            break
        }
        received += piece.prefix(count)
    }
    let text = String(decoding: received, as: UTF8.self)
    let codes = text.ranges(of: "HTTP/1.1 ").map { String(text[$0.upperBound...].prefix(3)) }
    return codes.isEmpty ? (received.isEmpty ? "none" : "body") : codes.joined(separator: " ")
}

private struct NoConnection: Error {
    let code: Int32
}

private func connect(toPort port: UInt16) throws -> Int32 {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return try withUnsafePointer(to: &address) { try connect(AF_INET, $0) }
}

private func connect(toSocket path: String) throws -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
    return try withUnsafePointer(to: &address) { try connect(AF_UNIX, $0) }
}

private func connect<Address>(_ family: Int32, _ address: UnsafePointer<Address>) throws -> Int32 {
    let socket = socket(family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    let size = socklen_t(MemoryLayout<Address>.size)
    let result = address.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(socket, $0, size) }
    guard result == 0 else {
        defer { close(socket) }
        throw NoConnection(code: errno)
    }
    return socket
}
