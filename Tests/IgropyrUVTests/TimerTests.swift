import Glibc
import IgropyrTime
import IgropyrUV
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct TimerTests {
    @Test func `a timer counts from the moment of its start, however long the loop's turn has lasted`() async throws {
        try await onLoop { loop in
            let timer = try Timer(on: loop)
            defer { timer.close() }
            let begin = EventLoop.preciseNow
            while begin.duration(to: EventLoop.preciseNow) < .milliseconds(100) {}
            let start = EventLoop.preciseNow
            let fired = Promise<Timestamp>()
            try timer.start(after: .milliseconds(50)) { fired.fulfil(EventLoop.preciseNow) }
            // libuv counts in milliseconds that are over.
            #expect(start.duration(to: await fired.wait()) >= .milliseconds(49))
        }
    }

    @Test func `a timer fires once, not before its time`() async throws {
        try await onLoop { loop in
            let timer = try Timer(on: loop)
            let start = EventLoop.preciseNow
            let fired = Promise<Duration>()
            try timer.start(after: .milliseconds(20)) { fired.fulfil(start.duration(to: EventLoop.preciseNow)) }
            #expect(await fired.wait() >= .milliseconds(19))  // The loop's own time may be a millisecond old.
            timer.close()
            #expect(throws: UVError.self) { try timer.start(after: .zero) {} }
        }
    }

    @Test func `a wheel calls each deadline that was not put off, and none that was`() async throws {
        let expired = try await onLoop { loop in
            let wheel = try TimerWheel(on: loop, tick: .milliseconds(1), slots: 8)
            var expired: [Int] = []
            let done = Promise<Void>()
            let timers = (0..<4).map { number in
                WheelTimer(on: wheel) {
                    expired.append(number)
                    if expired.count == 3 { done.fulfil(()) }
                }
            }
            timers[0].arm(after: .milliseconds(30))  // More ticks than the wheel has slots.
            timers[1].arm(after: .milliseconds(5))
            timers[2].arm(after: .milliseconds(5))
            timers[3].arm(after: .milliseconds(10))
            timers[1].disarm()
            timers[2].arm(after: .milliseconds(1))  // Brought forward: due once.
            timers[3].arm(after: .milliseconds(60))  // Put off.
            await done.wait()
            for timer in timers { timer.invalidate() }
            wheel.close()
            return expired
        }
        #expect(expired.sorted() == [0, 2, 3])  // Those that are late come in one turn, in any order.
    }

    @Test func `a loop that was held up looks at what has arrived before it calls a deadline passed`() async throws {
        let wasLate = try await onLoop { loop in
            let wheel = try TimerWheel(on: loop, tick: .milliseconds(10))
            let listener = try TCPListener(on: loop, binding: .loopback(port: 0))
            let done = Promise<Bool>()
            let deadline = WheelTimer(on: wheel) { done.fulfil(true) }
            try listener.start { stream in
                stream.close()
                done.fulfil(false)
            }
            let client = try TCPStream(on: loop)
            let connected = Promise<Void>()
            client.connect(to: listener.localAddress) { _ in connected.fulfil(()) }  // In the backlog from now on.
            deadline.arm(after: .milliseconds(20))
            usleep(100_000)
            let wasLate = await done.wait()
            await connected.wait()
            for end in [client.close, listener.close, deadline.invalidate, wheel.close] { end() }
            return wasLate
        }
        #expect(!wasLate)
    }

    @Test func `a wheel that nobody holds still keeps its deadlines`() async throws {
        try await onLoop { loop in
            weak var dropped: TimerWheel?
            let done = Promise<Void>()
            do {
                let wheel = try TimerWheel(on: loop, tick: .milliseconds(1), slots: 8)
                dropped = wheel
                let timer = WheelTimer(on: wheel) {
                    dropped?.close()
                    done.fulfil(())
                }
                timer.arm(after: .milliseconds(30))
            }
            await done.wait()
        }
    }
}
