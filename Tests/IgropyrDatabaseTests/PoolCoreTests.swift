import IgropyrTime
import Testing

@testable import IgropyrDatabase

private func makeCore(
    connections: Int = 2, waiting: Int = 2, _ change: (inout PoolSettings) -> Void = { _ in }
)
    -> PoolCore
{
    var settings = PoolSettings()
    settings.connectionsPerLoop = connections
    settings.waiting = waiting
    change(&settings)
    return PoolCore(settings)
}

struct PoolCoreTests {
    @Test func `connections are opened as they are needed, up to the limit, and lent in the order of asking`() {
        var core = makeCore()
        #expect(core.request(by: 1, at: .zero) == [.open(1)])
        #expect(core.request(by: 2, at: .zero) == [.open(2)])
        #expect(core.request(by: 3, at: .zero) == [.refuse(3, .exhausted)])
        #expect(core.handleOpened(2, at: .zero) == [.lend(2, to: 1)])
        #expect(core.request(by: 4, at: .zero) == [])
        #expect(core.handleOpened(1, at: .zero) == [.lend(1, to: 2)])
        #expect(core.takeBack(2, isUsable: true, at: .zero) == [.lend(2, to: 4)])
    }

    @Test func `what was used last is lent first`() {
        var core = makeCore()
        for id in 1...2 { _ = core.request(by: id, at: .zero) }
        for id in 1...2 { _ = core.handleOpened(id, at: .zero) }
        for id in [2, 1] { #expect(core.takeBack(id, isUsable: true, at: .seconds(1)) == []) }
        #expect(core.request(by: 3, at: .seconds(1)) == [.lend(1, to: 3)])
    }

    @Test func `a broken connection is closed, and one opened for who waits`() {
        var core = makeCore(connections: 1)
        _ = core.request(by: 1, at: .zero)
        _ = core.handleOpened(1, at: .zero)
        #expect(core.request(by: 2, at: .zero) == [])
        #expect(core.takeBack(1, isUsable: false, at: .zero) == [.close(1), .open(2)])
        #expect(core.takeBack(1, isUsable: true, at: .zero) == [])
        #expect(core.handleOpened(2, at: .zero) == [.lend(2, to: 2)])
    }

    @Test func `who was lent a connection that had been lost gets the next one, before all others`() {
        var core = makeCore(connections: 1)
        _ = core.request(by: 1, at: .zero)
        _ = core.handleOpened(1, at: .zero)
        _ = core.takeBack(1, isUsable: true, at: .zero)
        #expect(core.request(by: 2, at: .zero) == [.lend(1, to: 2)])
        #expect(core.request(by: 3, at: .zero) == [])
        #expect(core.handleLoss(of: 1, lentTo: 2, at: .zero).first == .close(1))
        #expect(core.handleOpened(2, at: .zero) == [.lend(2, to: 2)])
    }

    @Test func `who waits again for a connection that was lost keeps nobody waiting for longer`() {
        var core = makeCore(connections: 1, waiting: 3) { $0.waitTimeout = .seconds(5) }
        _ = core.request(by: 1, at: .zero)
        for id in 2...3 { #expect(core.request(by: id, at: .seconds(1)) == []) }
        #expect(core.handleOpened(1, at: .seconds(2)) == [.lend(1, to: 1)])
        #expect(core.handleLoss(of: 1, lentTo: 1, at: .seconds(2)) == [.close(1), .open(2)])
        #expect(core.deadline == .seconds(6))
        #expect(core.handleTimeout(at: .seconds(6)) == [1, 2, 3].map { .refuse($0, .exhausted) })
    }

    @Test func `an attempt that fails is told to one, and made again for the next`() {
        var core = makeCore(connections: 1)
        for id in 1...2 { _ = core.request(by: id, at: .zero) }
        #expect(core.handleOpenFailed(1, isFull: false, at: .zero) == [.refuse(1, .connectFailed), .open(2)])
        #expect(core.handleOpenFailed(2, isFull: false, at: .zero) == [.refuse(2, .connectFailed)])
        #expect(core.request(by: 3, at: .zero) == [.open(3)])
    }

    @Test func `where no more can be opened, those that are lent are waited for`() {
        var core = makeCore()
        _ = core.request(by: 1, at: .zero)
        #expect(core.handleOpened(1, at: .zero) == [.lend(1, to: 1)])
        #expect(core.request(by: 2, at: .zero) == [.open(2)])
        #expect(core.handleOpenFailed(2, isFull: true, at: .zero) == [])
        #expect(core.takeBack(1, isUsable: true, at: .milliseconds(50)) == [.lend(1, to: 2)])
        #expect(core.handleTimeout(at: .milliseconds(100)) == [])
        #expect(core.deadline == nil)
    }

    @Test func `a server that is full is asked now and then, once at a time, while somebody waits`() {
        var core = makeCore(connections: 3, waiting: 9) { $0.waitTimeout = .seconds(5) }
        for id in 1...4 { _ = core.request(by: id, at: .zero) }
        // All at once they may have been in each other's way.
        for id in 1...3 { #expect(core.handleOpenFailed(id, isFull: true, at: .zero) == []) }
        #expect(core.request(by: 5, at: .milliseconds(50)) == [])
        #expect(core.deadline == .milliseconds(100))
        #expect(core.handleTimeout(at: .milliseconds(100)) == [.open(4)])
        #expect(core.request(by: 6, at: .milliseconds(100)) == [])
        #expect(core.handleOpenFailed(4, isFull: true, at: .milliseconds(200)) == [])
        #expect(core.handleTimeout(at: .milliseconds(300)) == [.open(5)])
        #expect(core.handleOpened(5, at: .milliseconds(300)) == [.lend(5, to: 1), .open(6), .open(7)])
        for id in 6...7 { #expect(core.handleOpenFailed(id, isFull: true, at: .milliseconds(300)) == []) }
        #expect(core.takeBack(5, isUsable: true, at: .milliseconds(350)) == [.lend(5, to: 2)])
        #expect(core.handleTimeout(at: .seconds(5)) == [3, 4].map { .refuse($0, .connectFailed) } + [.open(8)])
    }

    @Test func `no more wait for a server that is full than may wait`() {
        var core = makeCore(connections: 3, waiting: 1)
        #expect(core.request(by: 1, at: .zero) == [.open(1)])
        #expect(core.handleOpenFailed(1, isFull: true, at: .zero) == [])
        #expect(core.request(by: 2, at: .zero) == [.refuse(2, .exhausted)])
        #expect(core.handleTimeout(at: .milliseconds(100)) == [.open(2)])
        #expect(core.request(by: 3, at: .milliseconds(100)) == [.refuse(3, .exhausted)])
        #expect(core.handleOpened(2, at: .milliseconds(200)) == [.lend(2, to: 1)])
    }

    @Test func `of a server that is away who waits hears at once, whatever is lent`() {
        var core = makeCore()
        _ = core.request(by: 1, at: .zero)
        #expect(core.handleOpened(1, at: .zero) == [.lend(1, to: 1)])
        #expect(core.request(by: 2, at: .zero) == [.open(2)])
        #expect(core.handleOpenFailed(2, isFull: false, at: .zero) == [.refuse(2, .connectFailed)])
    }

    @Test func `waiting has an end, and may be given up`() {
        var core = makeCore(connections: 1, waiting: 3) { $0.waitTimeout = .seconds(5) }
        for id in 1...2 { _ = core.request(by: id, at: .seconds(Int64(id))) }
        #expect(core.cancel(1) == [.refuse(1, .cancelled)])
        #expect(core.cancel(1) == [])
        #expect(core.deadline == .seconds(7))
        #expect(core.handleTimeout(at: .seconds(6)) == [])
        #expect(core.handleTimeout(at: .seconds(7)) == [.refuse(2, .exhausted)])
        #expect(core.handleOpened(1, at: .seconds(8)) == [])
        #expect(core.request(by: 3, at: .seconds(8)) == [.lend(1, to: 3)])
    }

    @Test func `connections end when they have rested long, or are old`() {
        var core = makeCore(connections: 1) {
            $0.idleTimeout = .seconds(10)
            $0.lifetime = .seconds(15)
        }
        _ = core.request(by: 1, at: .zero)
        _ = core.handleOpened(1, at: .zero)
        #expect(core.takeBack(1, isUsable: true, at: .zero) == [])
        #expect(core.deadline == .seconds(10))
        #expect(core.handleTimeout(at: .seconds(10)) == [.close(1)])
        _ = core.request(by: 2, at: .seconds(20))
        _ = core.handleOpened(2, at: .seconds(20))
        #expect(core.takeBack(2, isUsable: true, at: .seconds(28)) == [])
        #expect(core.deadline == .seconds(35))
        #expect(core.request(by: 3, at: .seconds(34)) == [.lend(2, to: 3)])
        #expect(core.takeBack(2, isUsable: true, at: .seconds(35)) == [.close(2)])
    }

    @Test func `closing refuses who waits and lets what is lent come back`() {
        var core = makeCore(connections: 1)
        for id in 1...2 { _ = core.request(by: id, at: .zero) }
        _ = core.handleOpened(1, at: .zero)
        #expect(core.close() == [.refuse(2, .closed)])
        #expect(!core.isDrained)
        #expect(core.request(by: 3, at: .zero) == [.refuse(3, .closed)])
        #expect(core.takeBack(1, isUsable: true, at: .zero) == [.close(1)])
        #expect(core.isDrained)
    }

    @Test func `of statements the one used longest ago gives way`() {
        var cache = StatementCache<Int>(limit: 2)
        #expect(cache.insert(1, for: "a") == nil && cache.insert(2, for: "b") == nil)
        #expect(cache.find("a") == 1)
        #expect(cache.insert(3, for: "c") == 2)
        #expect(cache.find("b") == nil && cache.count == 2)
    }

    @Test func `what is interpolated is a parameter, and never text of the statement`() {
        let name = "x'; DROP TABLE users; --"
        let part: SQLQuery = "id > \(7)"
        let query: SQLQuery =
            "SELECT \(unescaped: "id") FROM users WHERE name = \(name) AND \(part) AND x = \(Int?.none)"
        #expect(query.text { "$\($0)" } == "SELECT id FROM users WHERE name = $1 AND id > $2 AND x = $3")
        #expect(query.values == [.text(name), .int(7), .null])
    }
}
