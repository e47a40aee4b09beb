import IgropyrHTTP
import IgropyrOrchestration
import IgropyrText
import IgropyrTransport
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrCluster

@Suite(.timeLimit(.minutes(5))) struct `A stream of lines` {
    /// As a chunk.
    private static let sign = "1\r\n\n\r\n"

    @Test func `gives signs of life again once a client that did not keep up has caught up`() async throws {
        try await onLoop { loop in
            let node = try await SampleNode("a", on: loop)
            let (hub, address) = try #require(await node.agent.hub)
            let slow = try await listener(to: .shop, at: address, on: loop)
            await slow.receive { $0.contains("gap") }
            slow.stopReading()
            let text = String(repeating: "x", count: TopicLine.textBytes)
            let message = try #require(TopicMessage(topic: "a", text: text))
            for _ in 0..<800 {  // More than sockets keep, and the hub.
                _ = await hub.publish(message, of: .shop, by: nil)
                await loop.turn()
            }
            let other = try await listener(to: try #require(ApplicationName(rawValue: "other")), at: address, on: loop)
            await other.receive { $0.ranges(of: Self.sign).count > 2 }  // Since then it has been due.
            slow.startReading()
            await slow.receive { _ in slow.receivedBytes.count > 1 << 20 }
            let end = Array(Self.sign.utf8)
            await slow.receive { _ in slow.receivedBytes.suffix(end.count).elementsEqual(end) }
            #expect(slow.ending == nil)
            slow.close()
            other.close()
            await node.agent.stop()
        }
    }

    @Test func `ends with its server, also if its request is whole only then`() async throws {
        try await onLoop { loop in
            let asker = Asker()
            let server = try HTTPServer(listener: TCPListener(on: loop, binding: .loopback(port: 0)), handler: asker)
            let client = try await StreamClient(to: server.localAddress, on: loop)
            client.send("POST / HTTP/1.1\r\nHost: node\r\nContent-Length: 2\r\n\r\n{")
            await asker.hasCome.wait()
            let drained = Signal()
            server.drain(timeout: .seconds(600)) { drained.send() }
            client.send("}")
            #expect(await client.receiveAll().hasSuffix("0\r\n\r\n"))
            await drained.wait()
        }
    }

    /// Answers each request by lines that never end by themselves.
    private final class Asker: HTTPRequestHandler {
        let hasCome = Signal()

        func handle(_ head: MessageHead, _ bytes: RawSpan, on connection: any HTTPServerStream) {
            connection.exchange = LineExchange(limitBytes: 10, on: connection) { _ in
                let lines = AsyncStream<[UInt8]> {
                    try? await Task.sleep(for: .seconds(600))
                    return nil
                }
                return .lines(first: Array("first".utf8), rest: lines, last: nil)
            }
            hasCome.send()
        }
    }

    private func listener(
        to application: ApplicationName, at address: TopicAddress, on loop: EventLoop
    ) async throws -> StreamClient {
        let client = try await StreamClient(to: .loopback(port: address.port), on: loop)
        let path = address.url(for: application).dropFirst("http://127.0.0.1:\(address.port)".count)
        client.send("GET \(path) HTTP/1.1\r\nHost: node\r\n\r\n")
        return client
    }
}

extension HostAgent {
    fileprivate var hub: (TopicHub, TopicAddress)? { parts.map { ($0.topics.hub, $0.topics.address) } }
}
