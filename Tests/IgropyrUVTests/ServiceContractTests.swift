import Glibc
import IgropyrUV
import Testing

struct ServiceContractTests {
    private static func contract(_ environment: [String: String]) -> ServiceContract {
        ServiceContract(pid: 42) { environment[$0] }
    }

    private static let handedOver: [(environment: [String: String], sockets: [Int32])] = [
        ([:], []),
        (["LISTEN_FDS": "1", "LISTEN_PID": "42"], [3]),
        (["LISTEN_FDS": "2", "LISTEN_PID": "42"], [3, 4]),
        (["LISTEN_FDS": "1", "LISTEN_PID": "41"], []),
        (["LISTEN_FDS": "1"], []),
        (["LISTEN_FDS": "0", "LISTEN_PID": "42"], []),
        (["LISTEN_FDS": "100000", "LISTEN_PID": "42"], []),
        (["LISTEN_FDS": "one", "LISTEN_PID": "42"], []),
    ]

    @Test(arguments: handedOver) func `sockets are ours only if they were handed to this very process`(
        environment: [String: String], sockets: [Int32]
    ) {
        #expect(Self.contract(environment).sockets == sockets)
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

    @Test func `a successor reports to whoever started its predecessor, but first to that`() {
        let first = Self.contract(["NOTIFY_SOCKET": "/run/systemd/notify", "WATCHDOG_USEC": "500000"])
        #expect(first.predecessorAddress == nil)
        let second = Self.contract(first.environment(ofSuccessorHeardAt: "@first"))
        #expect(second.predecessorAddress == "@first" && second.notificationAddress == "/run/systemd/notify")
        #expect(second.watchdog == .milliseconds(500))
        let third = Self.contract(second.environment(ofSuccessorHeardAt: "@second"))
        #expect(third.predecessorAddress == "@second" && third.notificationAddress == "/run/systemd/notify")
        #expect(Self.contract(Self.contract([:]).environment(ofSuccessorHeardAt: "@x")).notificationAddress == nil)
    }

    @Test func `a program that outlives its terminal hands that on`() {
        #expect(!Self.contract([:]).outlivesTerminal)
        #expect(!Self.contract(Self.contract([:]).environmentOfSuccessor).outlivesTerminal)
        let first = ServiceContract(pid: 42, ignoresHangup: true) { _ in nil }
        let second = Self.contract(first.environment(ofSuccessorHeardAt: "@first"))
        #expect(first.outlivesTerminal && second.outlivesTerminal)
        #expect(Self.contract(second.environmentOfSuccessor).outlivesTerminal)
    }

    @Test func `a successor learns where its predecessor was asked to listen`() throws {
        let asked = try Dictionary(
            uniqueKeysWithValues: [("127.0.0.1:40001", "127.0.0.1:0"), ("[::]:80", "0.0.0.0:80")].map {
                (
                    try #require(SocketAddress(parsing: $0, defaultPort: 0)),
                    try #require(SocketAddress(parsing: $1, defaultPort: 0))
                )
            })
        let first = Self.contract([:])
        #expect(!first.isSuccessor && first.askedAddresses == nil)
        let second = Self.contract(first.environment(ofSuccessorHeardAt: "@first", asked: asked))
        #expect(second.isSuccessor && second.askedAddresses == asked)
        #expect(Self.contract(second.environment(ofSuccessorHeardAt: "@second")).askedAddresses == [:])
        let older = Self.contract(["IGROPYR_PREDECESSOR": "@older"])
        #expect(older.isSuccessor && older.askedAddresses == nil, "it does not say, and may have been given any socket")
    }

    @Test func `a process ends when nobody holds its lifeline any more`() async {
        await #expect(processExitsWith: .exitCode(1)) {
            let loop = try EventLoopThread(name: "test").loop
            try await Task(executorPreference: loop) {
                let (lifeline, end) = try Lifeline.make()
                let successors = Lifeline(owning: try lifeline.duplicate())
                _ = try Lifeline.follow(end, on: loop)
                _ = consume lifeline
                withExtendedLifetime(successors) {
                    var state = pollfd(fd: end, events: Int16(POLLIN), revents: 0)
                    precondition(poll(&state, 1, 0) == 0, "the successor's end counts")
                }
            }.value
            while true { try await Task.sleep(for: .seconds(60)) }
        }
    }

    @Test func `a process finds the sockets that it was given, and other descriptors by name`() {
        var command = ChildProcess.Command(executable: "/bin/true")
        command.give(sockets: [8, 9], others: ["lifeline": 12, "gossip UDP": 10])
        #expect(command.descriptors == [nil, 1, 2, 8, 9, 10, 12])
        let contract = Self.contract(command.environment.merging(["LISTEN_PID": "42"]) { $1 })
        #expect(contract.sockets == [3, 4] && contract.descriptors == ["gossip UDP": 5, "lifeline": 6])
        #expect(contract.lifeline == 6)
        #expect(Self.contract(command.environment).descriptors.isEmpty, "they are another process's")
        command.give(sockets: [8])
        #expect(Self.contract(command.environment.merging(["LISTEN_PID": "42"]) { $1 }).descriptors.isEmpty)
        command.give(sockets: [], others: ["lifeline": 9])
        let alone = Self.contract(command.environment.merging(["LISTEN_PID": "42"]) { $1 })
        #expect(alone.sockets.isEmpty && alone.descriptors == ["lifeline": 3])
    }

    @Test(arguments: ["", ",", "=", "a", "a=", "=5", "a=b", "a=1=2", "a=99999999999"])
    func `descriptors that nobody can have meant are none`(text: String) {
        let contract = Self.contract(["LISTEN_PID": "42", "LISTEN_FDS": "1", "IGROPYR_DESCRIPTORS": text])
        #expect(contract.descriptors.isEmpty && contract.sockets == [3])
    }

    @Test func `inherited sockets are all used, and shared if there are too few`() throws {
        let first = try ListeningSocket.open(.loopback(port: 0), sharingPort: true)
        let address = try #require(ListeningSocket.localAddress(of: first))
        let second = try ListeningSocket.open(address, sharingPort: true)
        let (sockets, place) = try SocketSource.inherited([first, second]).open(3)
        #expect(sockets.count == 3 && Array(sockets.prefix(2)) == [first, second] && place == address)
        #expect(try SocketSource.inherited([first, second]).open(1).0 == [first, second])
        for socket in sockets { Descriptor.close(socket) }
        #expect(throws: UVError.self) { try SocketSource.inherited([]).open(1) }
    }

    @Test func `an address that another process shares is refused unless that one is known to end`() throws {
        let other = try ListeningSocket.open(.loopback(port: 0), sharingPort: true)
        let address = try #require(ListeningSocket.localAddress(of: other))
        #expect(throws: UVError.self) { try SocketSource.address(address).open(2) }
        let (beside, _) = try SocketSource.address(address).open(2, sharesPort: true)
        for socket in beside + [other] { Descriptor.close(socket) }
        let (sockets, _) = try SocketSource.address(address).open(2)
        #expect(Set(sockets).count == 2)
        for socket in sockets { Descriptor.close(socket) }
    }
}
