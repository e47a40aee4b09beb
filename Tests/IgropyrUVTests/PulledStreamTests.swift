import IgropyrUV
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct PulledStreamTests {
    /// Both ends of a socket.
    private static func withPair(
        _ body: @escaping @Sendable (_ ours: PulledStream, _ theirs: PulledStream) async throws -> Void
    ) async throws {
        try await onLoop { loop in
            let pair = try PulledStream.socketPair()
            let ours = try PulledStream(on: loop, owning: pair.ours)
            defer { ours.close() }
            let theirs = try PulledStream(on: loop, owning: pair.childs)
            defer { theirs.close() }
            try await body(ours, theirs)
        }
    }

    @Test func `a read that has to be over in time is, and the next gets what comes`() async throws {
        try await Self.withPair { ours, theirs in
            for text in ["one", "two"] {
                let error = await #expect(throws: UVError.self) { _ = try await ours.read(within: .milliseconds(1)) }
                #expect(error?.code == UVError.timedOut)
                try await theirs.write(Array(text.utf8))
                #expect(try await ours.read(within: .seconds(60)) == Array(text.utf8))
            }
            theirs.close()
            #expect(try await ours.read(within: .seconds(60)) == nil)
        }
    }

    @Test func `what the other side does while a stream rests is seen`() async throws {
        try await Self.withPair { ours, theirs in
            try await theirs.write([1])
            #expect(try await ours.read() == [1])
            ours.watch()
            #expect(!ours.isKnownStale && !ours.isStale)
            try await theirs.write([2])
            #expect(ours.isStale)
            try await eventually("it is seen") { ours.isKnownStale }
            #expect(try await ours.read() == [2])
            ours.watch()
            #expect(!ours.isKnownStale)
            theirs.close()
            try await eventually("the end is seen") { ours.isKnownStale }
            #expect(ours.isStale)
            #expect(try await ours.read() == nil)
        }
    }

    @Test(arguments: [false, true]) func `who reads is told when the stream is closed`(
        isClosedWithTask: Bool
    ) async throws {
        try await Self.withPair { ours, _ in
            nonisolated(unsafe) let stream = ours
            let reading = Task.immediate(executorPreference: EventLoop.current) {
                try await stream.read(within: .seconds(60), isClosedWithTask: isClosedWithTask)
            }
            ours.close()
            let error = await #expect(throws: UVError.self) { try await reading.value }
            #expect(error?.code == UVError.cancelled)
        }
    }

    @Test func `what is enqueued beyond what the kernel takes comes whole and in order`() async throws {
        try await Self.withPair { ours, theirs in
            let bytes = (0..<(4 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 7 >> 3) }
            try ours.enqueue(bytes)
            try ours.enqueue([1, 2, 3])
            var received: [UInt8] = []
            while received.count < bytes.count + 3, let piece = try await theirs.read() { received += piece }
            #expect(received == bytes + [1, 2, 3])
            ours.close()
            #expect(throws: UVError.self) { try ours.enqueue([4]) }
        }
    }
}
