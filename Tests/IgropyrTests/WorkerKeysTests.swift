import IgropyrTransport
import IgropyrUV
import TestSupport
import Testing

@testable import Igropyr

private let (old, new) = (key(7), key(8))

private func key(_ byte: UInt8, of application: String = "shop") -> PreSharedKey {
    .worker(of: application, fromClusterKey: [UInt8](repeating: byte, count: 32))
}

/// A worker with these keys, and the file that it has them from.
private func withWorker(
    _ keys: [PreSharedKey], _ change: (App) -> Void = { _ in },
    _ body: @escaping @Sendable (RunningServer, _ file: KeyFile, EventLoop) async throws -> Void
) async throws {
    let file = try KeyFile()
    try file.write(keys)
    let app = App()
    app.loops = 1
    app.get("/") { request in "\(request.isEncrypted)" }
    change(app)
    let server = try await app.start(.address(.loopback(port: 0)), keyFile: file.path)
    try await onLoop { loop in try await body(server, file, loop) }
    try await server.stop()
}

private struct KeyFile {
    let folder: TemporaryFolder
    var path: String { "\(folder.path)/keys" }

    init() throws { folder = try TemporaryFolder() }

    func write(_ keys: [PreSharedKey]) throws {
        _ = try folder.write("keys", String(decoding: PreSharedKeyFile.bytes(keys), as: UTF8.self))
    }
}

/// What is answered to a client that shows that key; nil if it gets no answer.
private func answer(to key: PreSharedKey, from server: RunningServer, on loop: EventLoop) async throws -> String? {
    try await answer(as: .plain.secured(by: key), from: server, on: loop)
}

private func answer(
    as kind: HTTPConnectionKind, from server: RunningServer, on loop: EventLoop
) async throws -> String? {
    let client = try HTTPRequester(on: loop, kind: kind)
    defer { client.close() }
    guard let answer = try? await client.send(.init(.get, "/"), to: server.address) else { return nil }
    return answer.status == 200 ? String(decoding: answer.body, as: UTF8.self) : nil
}

@Suite(.timeLimit(.minutes(2))) struct `A worker with keys` {
    @Test func `takes requests under each of them, and no others`() async throws {
        try await withWorker([old, new]) { server, _, loop in
            #expect(try await answer(to: old, from: server, on: loop) == "false", "who asked may not have by https")
            #expect(try await answer(to: new, from: server, on: loop) == "false")
            #expect(try await answer(to: key(9), from: server, on: loop) == nil)
            #expect(try await answer(to: key(7, of: "blog"), from: server, on: loop) == nil)
            #expect(try await answer(as: .plain, from: server, on: loop) == nil, "nothing goes in plain text")
            let http2 = try HTTPConnectionKind(http2: HTTP2Settings()).secured(by: old)
            #expect(try await answer(as: http2, from: server, on: loop) == "false")
        }
    }

    @Test func `reads its file anew: what is open goes on, what was removed is refused`() async throws {
        try await withWorker([old]) { server, file, loop in
            let client = try HTTPRequester(on: loop, kind: .plain.secured(by: old))
            defer { client.close() }
            _ = try await client.send(.init(.get, "/"), to: server.address)
            try file.write([new])
            try await server.reloadTLS()
            #expect(try await client.send(.init(.get, "/"), to: server.address).status == 200)
            #expect(try await answer(to: new, from: server, on: loop) != nil)
            #expect(try await answer(to: old, from: server, on: loop) == nil)
            _ = try file.folder.write("keys", "nothing")
            let error = await #expect(throws: TLSError.self) { try await server.reloadTLS() }
            #expect(error?.description.contains(file.path) == true)
            #expect(try await answer(to: new, from: server, on: loop) != nil)
        }
    }

    @Test func `does not start without its file, nor with certificates besides`() async throws {
        let missing = await #expect(throws: TLSError.self) {
            _ = try await App().start(.address(.loopback(port: 0)), keyFile: "/nowhere/keys")
        }
        #expect(missing?.description.contains("/nowhere/keys") == true)
        let app = App()
        app.tls = TLSConfiguration(certificates: [.init(chainFile: "a", keyFile: "b")])
        let twofold = await #expect(throws: StartFailure.self) {
            _ = try await app.start(.address(.loopback(port: 0)), keyFile: "/nowhere/keys")
        }
        #expect(twofold?.description.contains("--encrypt") == true)
    }
}
