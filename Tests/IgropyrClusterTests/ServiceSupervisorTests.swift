import IgropyrUV
import Logging
import TestSupport
import Testing

@testable import IgropyrCluster

@Suite(.timeLimit(.minutes(5))) struct `A supervisor of a program beside a node` {
    @Test(arguments: ["x", "x socket 0"]) func `has the sockets of the node before it, of an earlier edition's, too`(
        key: String
    ) async throws {
        try await onLoop { loop in
            let socket = try ListeningSocket.open(.loopback(port: 0))
            let address = try #require(ListeningSocket.localAddress(of: socket))
            var handover = Handover()
            handover.names["x"] = NotificationSocket.uniqueName()
            handover.descriptors[key] = socket
            let logger = Logger(label: "test")
            let supervisor = try #require(
                ServiceSupervisor("x", program: [], from: handover, logger: logger, on: loop))
            let next = try await supervisor.handOver().descriptors
            #expect(next.keys.sorted() == ["x socket 0"])
            #expect(next.values.compactMap(ListeningSocket.localAddress(of:)) == [address])
            for descriptor in next.values { Descriptor.close(descriptor) }
            await supervisor.keepSockets(at: [])
            Descriptor.close(try ListeningSocket.open(address))
            await supervisor.stop()
        }
    }
}
