import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrBalancer

private let request =
    "POST /a HTTP/1.1\r\nHost: a\r\nConnection: close, te, x-secret\r\nTE: gzip;q=0.5, trailers\r\n"
    + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-Secret: 2\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n"

@Test func `trailers and hints pass in both directions, what belongs to one connection does not`() async throws {
    let worker = try ScriptedWorker()
    try await withBalancer(workers: 0) { fixture in
        fixture.use([worker.address])
        let client = try fixture.client()
        try client.send(request)
        let seen = try worker.answer(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </style>\r\n\r\n"
                + "HTTP/1.1 200 OK\r\nConnection: x-secret\r\nTrailer: X-Time\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "2\r\nok\r\n0\r\nX-Time: 3\r\nX-Secret: 4\r\nProxy-Connection: x\r\n\r\n",
            after: "\r\n0\r\nX-Sum: 1\r\n\r\n")
        #expect(seen.contains("\r\nConnection: TE\r\nTE: trailers\r\n"), "\(seen)")
        #expect(seen.hasSuffix("\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"), "\(seen)")

        let answer = try client.readToEnd()
        let hints = "HTTP/1.1 103 Early Hints\r\nLink: </style>\r\nVia: 1.1 igropyr\r\n\r\n"
        #expect(answer.hasPrefix(hints + "HTTP/1.1 200 OK\r\n"), "\(answer)")
        #expect(answer.contains("\r\nTrailer: X-Time\r\n"), "\(answer)")
        #expect(answer.hasSuffix("\r\n\r\n2\r\nok\r\n0\r\nX-Time: 3\r\n\r\n"), "\(answer)")
    }
}

/// Some programs put trailers among the head's fields.
@Test func `what is taken off a head is no trailer either`() async throws {
    let worker = try ScriptedWorker()
    let change: (inout BalancerSettings) -> Void = { settings in
        settings.application.requestFields.remove = ["X-User"]
        settings.application.requestFields.set = [.init(name: "X-Own", value: "1")]
        settings.application.responseFields.remove = ["X-Debug"]
        settings.insight.addsRequestIDs = true
    }
    try await withBalancer(workers: 0, change) { fixture in
        fixture.use([worker.address])
        let client = try fixture.client()
        try client.send(
            "POST /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
                + "x-user: root\r\nX_User: root\r\nX-Own: 2\r\nX-Request-ID: 3\r\nX-Real-IP: 6.6.6.6\r\n"
                + "X-Sum: 1\r\n\r\n")
        try worker.answer(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nx-debug: 1\r\nX-Time: 3\r\n\r\n",
            after: "\r\n\r\n0\r\nX-Sum: 1\r\n\r\n")
        #expect(try client.readToEnd().hasSuffix("\r\n\r\n0\r\nX-Time: 3\r\n\r\n"))
    }
}

@Test func `trailers that a worker sends reach a client of HTTP 2, and the other way round`() async throws {
    let worker = try ScriptedWorker()
    try await withBalancer(workers: 0) { fixture in
        fixture.use([worker.address])
        let folder = try TemporaryFolder()
        let body = try folder.write("body", "hello")
        let address = fixture.balancer.address
        let client = try BackgroundCommand([
            "nghttp", "-v", "-d", body, "--no-content-length", "--trailer", "x-sum: 1", "http://\(address)/a",
        ])
        let seen = try worker.answer(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Time: 3\r\n\r\n",
            after: "\r\nx-sum: 1\r\n\r\n")
        #expect(seen.hasSuffix("\r\n5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n"), "\(seen)")
        try await eventually("nghttp ends") { !client.isRunning }
        #expect(client.output.contains("x-time: 3"), "\(client.output)")
    }
}
