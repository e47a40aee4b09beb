import IgropyrCoding
import IgropyrHTTP
import TestSupport
import Testing

@testable import IgropyrBalancer

private let text = String(repeating: "Lorem ipsum dolor sit amet. ", count: 200)

/// What a worker answers, and what becomes of it for a client that takes gzip, or what `accept` says.
private struct Row: Sendable {
    var fields: String
    var status = "200 OK"
    var accept: String? = "gzip"
    var coding: String?
    var vary: [String]
    var tag: [String] = []
}

private let rows: [Row] = [
    Row(fields: "Content-Type: text/plain\r\n", coding: "gzip", vary: ["Accept-Encoding"]),
    Row(fields: "Content-Type: text/plain\r\n", accept: "br;q=0.5, zstd", coding: "zstd", vary: ["Accept-Encoding"]),
    Row(fields: "Content-Type: text/plain\r\n", accept: nil, vary: ["Accept-Encoding"]),
    Row(fields: "Content-Type: text/plain\r\n", accept: "identity", vary: ["Accept-Encoding"]),
    Row(fields: "Content-Type: text/plain\r\n", accept: "x, identity;q=0", vary: ["Accept-Encoding"]),
    Row(fields: "Content-Type: image/png\r\n", vary: []),
    Row(fields: "Content-Type: text/event-stream\r\n", vary: []), Row(fields: "", vary: []),
    Row(fields: "Content-Type: text/plain\r\nContent-Encoding: x-own\r\n", coding: "x-own", vary: []),
    Row(fields: "Content-Type: text/plain\r\nCache-Control: max-age=1\r\nCache-Control: No-Transform\r\n", vary: []),
    Row(fields: "Content-Type: text/plain\r\nRepr-Digest: a=:b:\r\n", vary: []),
    Row(fields: "Content-Type: text/plain\r\nContent-Range: bytes 0-9/20\r\n", status: "206 Partial Content", vary: []),
    Row(fields: "Content-Type: text/plain\r\n", status: "404 Not Found", vary: []),
    Row(
        fields: "Content-Type: text/plain\r\nVary: Cookie\r\nETag: \"a\"\r\nAccept-Ranges: bytes\r\n", coding: "gzip",
        vary: ["Cookie", "Accept-Encoding"], tag: ["W/\"a\""]),
    Row(
        fields: "Content-Type: text/plain\r\nVary: accept-encoding\r\nETag: W/\"a\"\r\n", coding: "gzip",
        vary: ["accept-encoding"], tag: ["W/\"a\""]),
    Row(
        fields: "Content-Type: text/plain\r\nETag: \"a\"\r\n", accept: nil, vary: ["Accept-Encoding"], tag: ["\"a\""]),
]

@Suite(.timeLimit(.minutes(5))) struct CompressionTests {
    @Test(arguments: rows.indices) func `a response is compressed where the node would, and as the node would`(
        index: Int
    ) async throws {
        let row = rows[index]
        let worker = try ScriptedWorker()
        try await withBalancer(workers: 0, { $0.application.compression = Compression() }) { fixture in
            fixture.use([worker.address])
            let client = try fixture.client()
            let accept = row.accept.map { "Accept-Encoding: \($0)\r\n" } ?? ""
            try client.send("GET / HTTP/1.1\r\nHost: a\r\n\(accept)\r\n")
            let length = "Content-Length: \(text.utf8.count)\r\n"
            try worker.answer("HTTP/1.1 \(row.status)\r\n\(length)\(row.fields)\r\n\(text)")
            let answer = try client.readResponse()
            let isOurs = row.coding == "gzip" || row.coding == "zstd"
            #expect(answer.values("Content-Encoding") == (row.coding.map { [$0] } ?? []))
            #expect(answer.values("Vary") == row.vary && answer.values("ETag") == row.tag)
            #expect(answer.values("Content-Length").isEmpty == isOurs && answer.isWhole)
            #expect(answer.values("Accept-Ranges").isEmpty)
            #expect(isOurs ? answer.body.count < 500 : answer.text == text)
        }
    }

    @Test func `pieces of a body of unknown length can be read as they come`() async throws {
        var compression = Compression()
        compression.types = ["text/event-stream"]
        try await withBalancer(workers: 1, { [compression] in $0.application.compression = compression }) { fixture in
            let client = try fixture.client()
            try client.send("GET /event HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n")
            let answer = try client.read(until: [0, 0, 0xFF, 0xFF])  // What flushed bytes end with (RFC 1951 §3.2.4).
            #expect(String(decoding: answer, as: UTF8.self).contains("Content-Encoding: gzip\r\n"))
        }
    }

    @Test(arguments: ["--http1.1", "--http2-prior-knowledge"], ["gzip", "br", "zstd"])
    func `what curl decodes is what the worker sent, whatever the version`(version: String, coding: String) async throws
    {
        let folder = try TemporaryFolder()
        try await withBalancer(workers: 1, { $0.application.compression = Compression() }) { fixture in
            let file = "\(folder.path)/body"
            let outcome = try await run([
                "curl", "-sS", version, "-H", "Accept-Encoding: \(coding)", "-D", "-", "-o", file,
                "http://\(fixture.balancer.address)/text/3000000",
            ])
            #expect(outcome.output.lowercased().contains("content-encoding: \(coding)"), "\(outcome)")
            let decoder = ["gzip": ["gzip", "-dc"], "br": ["brotli", "-dc"], "zstd": ["zstd", "-dcq"]][coding] ?? []
            let decoded = try await run(["sh", "-c", "\(decoder.joined(separator: " ")) < \(file) | wc -c"])
            guard !decoded.errors.contains("not found") else { return print("SKIPPED, \(decoder[0]) is not here") }
            #expect(decoded.output.contains("3000000"), "\(decoded)")
        }
    }

    @Test func `a response that is cut at the worker is cut for the client, though compressed`() async throws {
        let worker = try ScriptedWorker()
        try await withBalancer(workers: 0, { $0.application.compression = Compression() }) { fixture in
            fixture.use([worker.address])
            let client = try fixture.client()
            try client.send("GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n")
            try worker.answer("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 90000\r\n\r\n\(text)")
            #expect(try !client.readResponse().isWhole)
            try await eventually("it is counted") { await fixture.balancer.counters.truncated == 1 }
        }
    }

    @Test func `HEAD is told what GET would be`() async throws {
        let worker = try ScriptedWorker()
        try await withBalancer(workers: 0, { $0.application.compression = Compression() }) { fixture in
            fixture.use([worker.address])
            let client = try fixture.client()
            try client.send("HEAD / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n")
            let fields = "Content-Type: text/plain\r\nContent-Length: 90000\r\nETag: \"a\"\r\n"
            try worker.answer("HTTP/1.1 200 OK\r\n\(fields)\r\n")
            let answer = try client.readResponse(to: "HEAD")
            #expect(answer.values("Content-Encoding") == ["gzip"] && answer.values("ETag") == ["W/\"a\""])
            #expect(answer.values("Content-Length").isEmpty)
        }
    }

    @Test func `no more responses are compressed at once than the settings say`() async throws {
        var compression = Compression()
        compression.streams = 0
        let settings = compression
        try await withBalancer(workers: 1, { $0.application.compression = settings }) { fixture in
            let client = try fixture.client()
            let answer = try client.exchange(
                "GET /text/100000 HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n")
            #expect(answer.values("Content-Encoding").isEmpty && answer.body.count == 100_000)
            #expect(answer.values("Vary") == ["Accept-Encoding"])
        }
    }
}
