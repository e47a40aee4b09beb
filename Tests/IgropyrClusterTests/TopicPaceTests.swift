import IgropyrTime
import Testing

@testable import IgropyrCluster

@Suite struct `The pace of topics` {
    @Test func `lets a burst through, has the next wait for their turns, and refuses what would wait too long`() {
        var pace = TopicPace(at: .seconds(10))
        let rate = TopicPace.messagesPerSecond
        let waits = (0..<(rate + rate / 10 + 1)).map { _ in pace.turn(at: .seconds(10)) }
        #expect(Set(waits[0..<rate]) == [.zero])
        #expect(waits[rate] == .zero && waits[rate + 1] == .seconds(1) / rate)
        #expect(waits.last == .milliseconds(100))
        let late = [pace.turn(at: .seconds(10)), pace.turn(at: .seconds(11))]
        #expect(late[0] == nil)
        #expect(late[1] == .zero, "one that was refused does not count")
        #expect(!pace.isFull(at: .seconds(11)))
        #expect(pace.isFull(at: .seconds(12)))
    }
}
