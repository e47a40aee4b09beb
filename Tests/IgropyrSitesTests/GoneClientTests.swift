import Foundation
import Glibc
import IgropyrSites
import TestSupport
import Testing

/// Answers nobody until the first to connect has closed; then says the same to all others.
private let server = """
    first, _ = listener.accept()
    while first.recv(65536): open(sys.argv[1] + ".asked", "w")
    while True:
        peer, _ = listener.accept()
        peer.recv(65536)
        peer.sendall(bytes.fromhex(sys.argv[2]))
        peer.close()
    """

/// Answers all, and notes that it was asked for one who had gone.
private let recorder = """
    while True:
        peer, _ = listener.accept()
        words = peer.recv(65536)
        if b"gone" in words: open(sys.argv[1] + ".gone", "w")
        if words: peer.sendall(bytes.fromhex(sys.argv[2]))
        peer.close()
    """

private let answer = Array("Content-Type: text/plain\r\n\r\nhere".utf8)

/// FCGI_STDOUT, then FCGI_END_REQUEST.
private let fastCGIAnswer =
    [1, 6, 0, 1, 0, UInt8(answer.count), 0, 0] + answer + [1, 3, 0, 1, 0, 8, 0, 0] + [UInt8](repeating: 0, count: 8)

private let protocols = [
    ("scgi: {address: ADDRESS, connections: 1, timeout: 10m}", answer),
    ("fastcgi: {address: ADDRESS, connections: 1, timeout: 10m}", fastCGIAnswer),
    ("fastcgi: {address: ADDRESS, connections: 1, idle-connections: 1, timeout: 10m}", fastCGIAnswer),
]

@Suite(.timeLimit(.minutes(5))) struct GoneClientTests {
    @Test func `a script whose client closes its connection before the answer is ended, and its turn another's`()
        async throws
    {
        let yaml = "processes: 1\nhandlers: {sh: {cgi: {interpreter: /bin/sh, timeout: 10m}}}"
        try await withSite(yaml, change: { $0.loops = 1 }) { caller, site in
            try site.write("stuck.sh", "echo $$ > pid; exec sleep 1000")
            try site.write("quick.sh", "printf 'Content-Type: a/b\\n\\nx'")
            let raw = try await Raw(to: caller.running.address)
            try await raw.send("GET /stuck.sh HTTP/1.1\r\nHost: a\r\n\r\n")
            try await eventually("it runs") { site.text("web/pid").hasSuffix("\n") }
            let pid = try #require(pid_t(site.text("web/pid").trimmingCharacters(in: .newlines)))
            raw.close()
            #expect(try await caller.status("/quick.sh") == 200)
            #expect(kill(pid, 0) != 0)
        }
    }

    @Test(arguments: protocols) func `a program's connection ends with its client, and its turn is another's`(
        handler: String, answer: [UInt8]
    ) async throws {
        let folder = try TemporaryFolder()
        let bytes = answer.map { String(format: "%02x", $0) }.joined()
        let (program, socket) = try await UnixResponder.run(server, bytes, in: folder)
        let yaml = "handlers: {app: {\(handler.replacing("ADDRESS", with: "\"unix:\(socket)\""))}}"
        try await withSite(yaml, change: { $0.loops = 1 }) { caller, site in
            try site.write("a.app", "")
            let raw = try await Raw(to: caller.running.address)
            try await raw.send("GET /a.app HTTP/1.1\r\nHost: a\r\n\r\n")
            try await eventually("it is asked") { FileManager.default.fileExists(atPath: socket + ".asked") }
            raw.close()
            #expect(try await caller.text("/a.app") == "here")
        }
        program.signal(SIGTERM)
    }

    @Test(arguments: protocols) func `a program is not asked for a client that has gone before`(
        handler: String, answer: [UInt8]
    ) async throws {
        let folder = try TemporaryFolder()
        let bytes = answer.map { String(format: "%02x", $0) }.joined()
        let (program, socket) = try await UnixResponder.run(recorder, bytes, in: folder)
        let yaml = "handlers: {app: {\(handler.replacing("ADDRESS", with: "\"unix:\(socket)\""))}}"
        try await withClientGone(from: yaml, program: "", in: folder)
        #expect(!FileManager.default.fileExists(atPath: socket + ".gone"))
        program.signal(SIGTERM)
    }

    @Test func `a script is not started for a client that has gone before`() async throws {
        let folder = try TemporaryFolder()
        let text = """
            [ "$QUERY_STRING" != gone ] || touch \(folder.path)/started
            printf 'Content-Type: text/plain\\n\\nhere'
            """
        try await withClientGone(
            from: "processes: 1\nhandlers: {app: {cgi: {interpreter: /bin/sh}}}", program: text, in: folder)
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/started"))
    }

    /// Holds a request until its client has gone, then lets it go on, and then asks for another, whose answer is to
    /// come.
    private func withClientGone(from yaml: String, program: String, in folder: TemporaryFolder) async throws {
        let (held, given) = (folder.path + "/held", folder.path + "/given")
        let hold: SiteEvents.Handler = { call in
            guard call.query == "gone" else { return nil }
            try Data().write(to: URL(filePath: held))
            try? await Task.sleep(for: .seconds(600))  // Until it is cancelled.
            try Data().write(to: URL(filePath: given))
            return nil
        }
        let change: @Sendable (inout Site) -> Void = { site in
            site.loops = 1
            site.events.file = hold
        }
        try await withSite(yaml, change: change) { caller, site in
            try site.write("a.app", program)
            let raw = try await Raw(to: caller.running.address)
            try await raw.send("GET /a.app?gone HTTP/1.1\r\nHost: a\r\n\r\n")
            try await eventually("it is held") { FileManager.default.fileExists(atPath: held) }
            raw.close()
            try await eventually("it is given free") { FileManager.default.fileExists(atPath: given) }
            #expect(try await caller.text("/a.app") == "here")
        }
    }
}
