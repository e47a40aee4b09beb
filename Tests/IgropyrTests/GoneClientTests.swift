import HTTPTypes
import Igropyr
import TestSupport
import Testing

private let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
private let probe = "HTTP/1.1 100 Continue\r\n\r\n"

/// The same in HTTP/2, without asking for it (RFC 9113 §3.3): no settings, and one head (RFC 7541 Appendix A).
private let getByHTTP2: [UInt8] =
    Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0]
    + [0, 0, 6, 1, 5, 0, 0, 0, 1, 0x82, 0x86, 0x84, 0x41, 1, UInt8(ascii: "a")]

/// What a client asks, and how it may go, so that nobody is left who could read the answer.
private let departures: [(question: [UInt8], how: String, leave: @Sendable (StreamClient) async -> Void)] = [
    (Array(get.utf8), "a reset", { $0.reset() }),
    (
        Array(get.utf8), "an end of its sending, then a reset",
        { raw in
            raw.endSending()
            await raw.receive { $0 == probe }
            raw.reset()
        }
    ),
    (
        Array("GET / HTTP/1.0\r\n\r\n".utf8), "the same in HTTP/1.0, which knows no 100 (Continue)",
        { raw in
            raw.endSending()
            raw.reset()
        }
    ),
    (Array(get.utf8), "closing its connection", { $0.close() }),
    (Array((get + get).utf8), "closing it with a further request behind", { $0.close() }),
    (
        Array("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n".utf8)
            + [UInt8](repeating: 7, count: 200_000), "a reset, while the handler leaves its body lying", { $0.reset() }
    ),
    (getByHTTP2, "closing a connection of HTTP/2", { $0.close() }),
]

@Suite(.timeLimit(.minutes(5))) struct GoneClientTests {
    @Test(arguments: departures.indices) func `a handler whose client goes before the answer is cancelled`(
        index: Int
    ) async throws {
        let (began, cancelled) = (Signal(), Signal())
        try await withApp { app in
            for method in [HTTPRequest.Method.get, .post] {
                app.on(method, "/") { _ async throws in
                    began.send()
                    do { try await Task.sleep(for: .seconds(600)) } catch { cancelled.send() }
                    return ""
                }
            }
        } _: { caller in
            let raw = try await caller.connect()
            raw.send(departures[index].question)
            await began.wait()
            await departures[index].leave(raw)
            await cancelled.wait()
        }
    }

    @Test func `a client that only ends its sending is asked once for a sign, and gets its answer`() async throws {
        let (began, mayAnswer) = (Signal(), Signal())
        try await withApp { app in
            app.loops = 1
            app.get("/") { _ async in
                began.send()
                await mayAnswer.wait()
                return "here it is"
            }
        } _: { caller in
            let (old, binary, new) = (
                try await caller.connect(), try await caller.connect(), try await caller.connect()
            )
            old.send("GET / HTTP/1.0\r\n\r\n")
            binary.send(getByHTTP2)
            for raw in [old, binary] { raw.endSending() }
            await began.wait(for: 2)
            new.send(get)
            new.endSending()
            await new.receive { $0 == probe }
            // The one of HTTP/1.0, which went half away before, would have been asked by now.
            #expect(old.received == "")
            mayAnswer.send()
            let texts = await [
                old.receive { $0.hasSuffix("here it is") }, new.receive { $0.hasSuffix("here it is") },
                binary.receive { $0.contains("here it is") },
            ]
            #expect(texts[0].hasPrefix("HTTP/1.1 200 OK") && texts[1].hasPrefix(probe + "HTTP/1.1 200 OK"))
            #expect(texts[2].contains("here it is"))
            for raw in [old, binary, new] { raw.close() }
        }
    }
}
