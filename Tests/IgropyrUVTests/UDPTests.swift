import IgropyrUV
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct UDPTests {
    @Test(arguments: [0, 1, 1400, 60_000]) func `a datagram arrives whole with its sender`(count: Int) async throws {
        try await onLoop { loop in
            let receiver = try UDPSocket(on: loop, binding: .loopback(port: 0))
            let sender = try UDPSocket(on: loop, binding: .loopback(port: 0))
            let received = Promise<(Int, SocketAddress)>()
            try receiver.startReceiving { bytes, address in received.fulfil((bytes.byteCount, address)) }
            let bytes = [UInt8](repeating: 7, count: count)
            sender.send(bytes.span.bytes, to: receiver.localAddress!)
            let (size, address) = await received.wait()
            #expect(size == count)
            #expect(address == sender.localAddress)
            sender.close()
            receiver.close()
        }
    }

    @Test func `a datagram to nobody does not end the socket that sent it`() async throws {
        try await onLoop { loop in
            let gone = try UDPSocket(on: loop, binding: .loopback(port: 0))
            let nobody = gone.localAddress!
            gone.close()
            let socket = try UDPSocket(on: loop, binding: .loopback(port: 0))
            let received = Promise<Int>()
            try socket.startReceiving { bytes, _ in received.fulfil(bytes.byteCount) }
            let bytes: [UInt8] = [1, 2, 3]
            socket.send(bytes.span.bytes, to: nobody)
            socket.send(bytes.span.bytes, to: socket.localAddress!)
            #expect(await received.wait() == 3)
            socket.close()
        }
    }
}
