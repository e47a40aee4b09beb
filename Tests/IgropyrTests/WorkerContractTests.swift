@testable import Igropyr
import Testing

struct WorkerContractTests {
    private static func contract(_ environment: [String: String]) -> WorkerContract {
        WorkerContract(pid: 42) { environment[$0] }
    }

    private static let sockets: [(environment: [String: String], socket: Int32?)] = [
        ([:], nil),
        (["LISTEN_FDS": "1", "LISTEN_PID": "42"], 3),
        (["LISTEN_FDS": "2", "LISTEN_PID": "42"], 3),
        (["LISTEN_FDS": "1", "LISTEN_PID": "41"], nil),
        (["LISTEN_FDS": "1"], nil),
        (["LISTEN_FDS": "0", "LISTEN_PID": "42"], nil),
        (["LISTEN_FDS": "one", "LISTEN_PID": "42"], nil),
    ]

    @Test(arguments: sockets) func `a socket is ours only if it was handed to this very process`(
        environment: [String: String], socket: Int32?
    ) {
        #expect(Self.contract(environment).socket == socket)
    }

    @Test(arguments: [(nil, nil), ("", nil), ("8080", 8080), ("0", 0)] as [(String?, UInt16?)])
    func `PORT names a port`(text: String?, port: UInt16?) throws {
        #expect(try Self.contract(text.map { ["PORT": $0] } ?? [:]).port() == port)
    }

    @Test(arguments: ["x", "+80", "65536", "-1", "80 "]) func `a PORT that is none is an error that names it`(
        text: String
    ) {
        let error = #expect(throws: StartFailure.self) { try Self.contract(["PORT": text]).port() }
        #expect(error?.description.contains("PORT is \"\(text)\"") == true)
    }

    private static let watchdogs: [(environment: [String: String], interval: Duration?)] = [
        (["WATCHDOG_USEC": "500000"], .milliseconds(500)),
        (["WATCHDOG_USEC": "500000", "WATCHDOG_PID": "42"], .milliseconds(500)),
        (["WATCHDOG_USEC": "500000", "WATCHDOG_PID": "1"], nil),
        (["WATCHDOG_USEC": "0"], nil),
        ([:], nil),
    ]

    @Test(arguments: watchdogs) func `the watchdog is fed if it waits for this process`(
        environment: [String: String], interval: Duration?
    ) {
        #expect(Self.contract(environment).watchdog == interval)
    }

    @Test func `a worker knows its names`() {
        let environment = ["IGROPYR_APPLICATION": "shop", "IGROPYR_HOST": "h", "IGROPYR_WORKER": "2"]
        #expect(Self.contract(environment).worker == Worker(application: "shop", host: "h", index: 2))
        #expect(Self.contract([:]).worker == nil)
    }
}
