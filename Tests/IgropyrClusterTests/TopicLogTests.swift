import IgropyrText
import Testing

@testable import IgropyrCluster

@Suite struct `A log of topics` {
    private var log = TopicLog(name: "x")

    private func message(_ text: String) throws -> TopicMessage {
        try #require(TopicMessage(topic: "a", text: text))
    }

    /// What a reader finds: texts, and `-` for a gap.
    private func rest(for reader: inout TopicLog.Reader) throws -> [String] {
        var words: [String] = []
        while let chunk = log.read(for: &reader) {
            for line in chunk.split(separator: UInt8(ascii: "\n")) {
                let line = try JSON.decode(TopicLine.self, from: line)
                words.append(line.gap == true ? "-" : try #require(line.text))
            }
        }
        return words
    }

    @Test mutating func `tells each reader what is meant for it, from where it is`() throws {
        try log.append(message("1"), from: .here(sender: "me"))
        var readers = [TopicLog.Reader.Kind.worker(name: "me"), .worker(name: "other"), .worker(name: nil), .node]
            .map(log.reader)
        try log.append(message("2"), from: .here(sender: "me"))
        try log.append(message("3"), from: .elsewhere)
        log.appendGap()
        try log.append(message("4"), from: .here(sender: nil))
        let heard = try readers.indices.map { try rest(for: &readers[$0]) }
        #expect(heard == [["3", "-", "4"], ["2", "3", "-", "4"], ["2", "3", "-", "4"], ["2", "4"]])
        let areAtEnd = readers.allSatisfy { log.isAtEnd($0) }
        #expect(areAtEnd)
    }

    @Test mutating func `has who comes again go on after the line that it read last`() throws {
        var first = log.reader(.worker(name: nil))
        for number in 1...3 { try log.append(message("\(number)"), from: .elsewhere) }
        let chunk = try #require(log.read(for: &first))
        let ids = try chunk.split(separator: UInt8(ascii: "\n")).map { try JSON.decode(TopicLine.self, from: $0).id }
        #expect(ids == ["x-1", "x-2", "x-3"])
        var again = try #require(log.reader(.worker(name: nil), after: "x-1"))
        let words = try rest(for: &again)
        #expect(words == ["2", "3"])
    }

    @Test(arguments: [
        "", "x", "x-", "y-1", "x-4", "x-+1", "x-1 ", "x--1", "1", "x-99999999999999999999", "xx-1", "x-\u{0661}",
    ])
    mutating func `knows no line by another id`(id: String) throws {
        for number in 1...3 { try log.append(message("\(number)"), from: .elsewhere) }
        let isKnown = log.reader(.node, after: id) != nil
        #expect(!isKnown)
        var first = log.firstReader(.worker(name: nil))
        let words = try rest(for: &first)
        #expect(words == ["1", "2", "3"], "all of it is new to who has read another log")
    }

    @Test mutating func `keeps the last thousand lines, or a megabyte, and tells who missed some`() throws {
        var (worker, node) = (log.reader(.worker(name: nil)), log.reader(.node))
        try log.append(message("said here"), from: .here(sender: nil))
        var present = log.reader(.node)
        for number in 1...3000 { try log.append(message("\(number)"), from: .elsewhere) }
        var words = [try rest(for: &worker), try rest(for: &node), try rest(for: &present)]
        let last = ["-"] + (1977...3000).map { "\($0)" }
        #expect(words == [last, ["-"], []], "what one lost was not for it")
        let long = String(repeating: "x", count: TopicLine.textBytes)
        for _ in 1...100 { try log.append(message(long), from: .here(sender: nil)) }
        words = [try rest(for: &worker), ["-"] + Array(repeating: long, count: 31)]
        #expect(words[0] == words[1])
        for _ in 1...100 { try log.append(message("short"), from: .here(sender: long)) }
        words = [try rest(for: &worker), ["-"] + Array(repeating: "short", count: 31)]
        #expect(words[0] == words[1], "a name is kept, too")
    }

    @Test mutating func `is the same once written and read`() throws {
        for number in 1...1500 { try log.append(message("\(number)"), from: .here(sender: "me")) }
        log = try JSON.decode(TopicLog.self, from: JSON.encode(log))
        var reader = try #require(log.reader(.worker(name: "other"), after: "x-1490"))
        try log.append(message("1501"), from: .elsewhere)
        let words = try rest(for: &reader)
        let expected = (1491...1501).map { "\($0)" }
        #expect(words == expected)
    }
}
