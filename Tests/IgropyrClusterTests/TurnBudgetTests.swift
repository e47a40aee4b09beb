import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrCluster

@Suite(.timeLimit(.minutes(5))) struct `A loop's budget for messages` {
    /// How many messages of a length had each of the loop's turns, of some that came at once.
    private static func turns(of messages: Int, bytes: Int) async throws -> [Int] {
        try await onLoop { loop in
            let budget = TurnBudget(on: loop)
            let turns = Turns(on: loop)
            turns.count()
            let tasks = (0..<messages).map { _ in
                loop.startLocally {
                    await budget.spend(bytes)
                    turns.messages[turns.present, default: 0] += 1
                }
            }
            for task in tasks { await task.value }
            turns.isOver = true
            return turns.messages.sorted { $0.key < $1.key }.map(\.value)
        }
    }

    @Test func `has those that came at once wait for turns of their own`() async throws {
        #expect(try await Self.turns(of: 100, bytes: TurnBudget.bytes / 2 + 1) == [Int](repeating: 1, count: 100))
        #expect(try await Self.turns(of: 3, bytes: 2 * TurnBudget.bytes) == [1, 1, 1], "none is too long for ever")
        let several = try await Self.turns(of: 40, bytes: TurnBudget.bytes / 4)
        #expect(several.allSatisfy { $0 <= 4 } && several.reduce(0, +) == 40)
    }

    @Test func `is spent in the order in which messages came, also by those that come first in a turn`() async throws {
        let order = try await onLoop { loop in
            let (budget, timer) = (TurnBudget(on: loop), try Timer(on: loop))
            var (came, order) = (0, [Int]())
            func comes() {
                let number = came
                came += 1
                loop.startLocally {
                    await budget.spend(TurnBudget.bytes)
                    order.append(number)
                }
            }
            for _ in 0..<3 { comes() }
            // Before those that wait get to look, as what comes by a socket.
            func comesInEachTurn() throws {
                try timer.start(after: .zero) {
                    comes()
                    if came < 20 { try? comesInEachTurn() }
                }
            }
            try comesInEachTurn()
            while order.count < 20 { await loop.waitForNextTurn() }
            timer.close()
            return order
        }
        #expect(order == Array(0..<20))
    }
}

/// Counts a loop's turns; stays on it.
private final class Turns {
    let loop: EventLoop
    var present = 0
    var messages: [Int: Int] = [:]
    var isOver = false

    init(on loop: EventLoop) { self.loop = loop }

    func count() {
        present += 1
        loop.submitForNextTurn { [self] in if !isOver { count() } }
    }
}
