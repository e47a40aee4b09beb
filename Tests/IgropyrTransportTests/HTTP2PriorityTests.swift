import IgropyrHTTP
import IgropyrTransport
import IgropyrUV
import Testing

/// Answers with `total` bytes, a piece at a time: the next when the one before is on its way, as a file is sent.
private final class PieceExchange: HTTPServerExchange {
    private static let pieceBytes = 64 << 10
    private let connection: any HTTPServerStream
    private var remaining: Int

    init(_ connection: any HTTPServerStream, total: Int) {
        self.connection = connection
        remaining = total
    }

    func begin() {
        IgropyrTransportTests.begin(connection, .length(UInt64(remaining)))
        responseDidDrain()
    }

    func responseDidDrain() {
        let piece = [UInt8](repeating: 0, count: min(remaining, Self.pieceBytes))
        remaining -= piece.count
        connection.sendBody(piece.span.bytes)
    }

    func requestBodyDidArrive(_ bytes: RawSpan) {}
    func requestDidEnd() {}
    func clientDidAbort() {}
}

@Suite(.timeLimit(.minutes(5))) struct HTTP2PriorityTests {
    private static let bodyBytes = 2 << 20

    /// The streams of the DATA frames, in their order, once the responses to `frames` are whole; the windows are as
    /// good as open.
    private static func order(
        of streams: [UInt32], _ frames: [Frame]
    ) async throws -> [UInt32] {
        let order = Locked<[UInt32]>([])
        let start: @Sendable (MessageHead, RawSpan, any HTTPServerStream) -> Void = { _, _, stream in
            let exchange = PieceExchange(stream, total: bodyBytes)
            stream.exchange = exchange
            exchange.begin()
        }
        try await TestServer.run(onRequest: start) { server in
            let client = try await server.connectFrames()
            client.begin(.settings(initialWindow: 1 << 30), [.windowUpdate(0, 1 << 30)] + frames)
            await client.wait { client in streams.allSatisfy(client.isOver) }
            for stream in streams {
                #expect(client.frames(.data, stream).reduce(0) { $0 + $1.payload.count } == bodyBytes)
            }
            order.withLock { $0 = client.frames(.data).filter { !$0.payload.isEmpty }.map(\.stream) }
        }
        return order.withLock { $0 }
    }

    private static func request(_ stream: UInt32, _ priority: String) -> Frame {
        .request(stream, [("priority", priority)])
    }

    /// In the order of their turns.
    private static func distinct(_ order: [UInt32]) -> [UInt32] {
        order.reduce(into: []) { turns, stream in if turns.last != stream { turns.append(stream) } }
    }

    @Test func `what is more urgent is sent first, whatever was asked for first`() async throws {
        let requests = [(UInt32(1), "u=7"), (3, "u=3"), (5, "u=0"), (7, "u=1, i")].map { Self.request($0, $1) }
        #expect(Self.distinct(try await Self.order(of: [1, 3, 5, 7], requests)) == [5, 7, 3, 1])
    }

    @Test func `of equal urgency, one is sent after the other as they were asked for`() async throws {
        let requests = [.request(1), Self.request(3, "u=3"), Self.request(5, "?, no priority")]
        #expect(Self.distinct(try await Self.order(of: [1, 3, 5], requests)) == [1, 3, 5])
    }

    @Test func `incremental ones of equal urgency share`() async throws {
        let order = try await Self.order(of: [1, 3, 5], [1, 3, 5].map { Self.request($0, "u=2, i") })
        var sent: [UInt32: Int] = [1: 0, 3: 0, 5: 0]
        for stream in order {
            sent[stream, default: 0] += 1
            // In frames; a piece of the one may go before one of the other.
            #expect(sent.values.max()! - sent.values.min()! <= 8, "\(sent)")
        }
    }

    @Test func `a client may think better of it`() async throws {
        let update = Frame(Frame.priorityUpdate, Frame.bytes(5) + Array("u=0".utf8))
        let requests = [Frame.request(1), .request(3), .request(5), update]
        #expect(Self.distinct(try await Self.order(of: [1, 3, 5], requests)) == [5, 1, 3])
    }
}

extension Frame {
    /// PRIORITY_UPDATE (RFC 9218 §7.1).
    fileprivate static let priorityUpdate: UInt8 = 0x10

    fileprivate init(_ kind: UInt8, _ payload: [UInt8]) {
        self.init(.data, payload)
        self.kind = kind
    }

    fileprivate static func request(_ stream: UInt32, _ fields: [(String, String)]) -> Frame {
        .request(stream, "/", method: "GET", fields)
    }
}
