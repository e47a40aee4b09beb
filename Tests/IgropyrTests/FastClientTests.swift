import HTTPTypes
import Igropyr
import IgropyrUV
import TestSupport
import Testing

private let get = "GET /get HTTP/1.1\r\nHost: a\r\n\r\n"
private let upgrade = """
    GET /socket HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n
    """

/// Clients that take more in a given time than a handler makes: it is never made to wait for them.
@Suite(.timeLimit(.minutes(5))) struct FastClientTests {
    /// Enough for many seconds; that many are written only where others do not get their turn.
    private static let pieces = 3_000_000

    /// Adds handlers that write until `isEnough` says so; `ended` is sent if that is cut short by the client's leaving.
    private static func addStreams(to app: App, until isEnough: Locked<Bool>, ended: Signal) {
        app.loops = 1
        app.get("/get") { _ in
            Response { writer in
                do {
                    for _ in 0..<pieces where !isEnough.withLock({ $0 }) { try await writer.write("piece") }
                } catch {
                    ended.send()
                    throw error
                }
                isEnough.withLock { $0 = true }
            }
        }
        app.webSocket("/socket") { _, socket in
            do {
                for _ in 0..<pieces where !isEnough.withLock({ $0 }) { try await socket.send("piece") }
            } catch {
                ended.send()
                throw error
            }
            isEnough.withLock { $0 = true }
        }
    }

    @Test(arguments: [get, upgrade]) func `others of the loop have their turn meanwhile`(question: String) async throws
    {
        let isEnough = Locked(false)
        try await withApp { app in
            Self.addStreams(to: app, until: isEnough, ended: Signal())
            app.get("/") { _ in isEnough.withLock { $0 } ? "after it" : "meanwhile" }
        } _: { caller in
            let raw = try await caller.connect()
            raw.send(question)
            await raw.receive { $0.utf8.count > 10_000 }
            #expect(try await caller.send("/").text == "meanwhile")
            isEnough.withLock { $0 = true }
            raw.reset()
        }
    }

    @Test(arguments: [get, upgrade]) func `the handler hears of it when they leave`(question: String) async throws {
        let (isEnough, ended) = (Locked(false), Signal())
        try await withApp { app in
            Self.addStreams(to: app, until: isEnough, ended: ended)
        } _: { caller in
            let raw = try await caller.connect()
            raw.send(question)
            await raw.receive { $0.utf8.count > 10_000 }
            raw.reset()
            await ended.wait()
        }
    }
}
