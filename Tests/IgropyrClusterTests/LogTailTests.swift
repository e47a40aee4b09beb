import Foundation
import IgropyrOrchestration
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrCluster

@Suite(.timeLimit(.minutes(5))) struct `A log's tail` {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func append(_ text: String) throws {
        let file = try BlockingFile(folder("shop-0.log"), .append(permissions: 0o600))
        try file.write(Array(text.utf8).span.bytes)
    }

    private func tail(_ isFollowing: Bool, _ loop: EventLoop, lines: Int = LogTail.defaultLines) -> LogTail {
        LogTail(
            host: HostName(rawValue: "a")!, logs: WorkerLog.files(of: .shop, in: folder("")), lines: lines,
            isFollowing: isFollowing, loop: loop)
    }

    /// Of all lines what was printed.
    private func texts(lines: Int = LogTail.defaultLines) async throws -> [String] {
        try await onLoop { loop in
            var texts: [String] = []
            for await line in tail(false, loop, lines: lines) {
                texts.append(try JSONDecoder().decode(LogLine.self, from: Data(line)).text)
            }
            return texts
        }
    }

    private func text(_ bytes: [UInt8]?) -> String { String(decoding: bytes ?? [], as: UTF8.self) }

    @Test func `ends with the file, and tells also what has no end of line`() async throws {
        try append("one\n\ntwo\nFatal err")
        #expect(try await texts() == ["one", "", "two", "Fatal err"])
    }

    @Test(arguments: [0, 1, 2, 3, 4, 5, 100]) func `has as many lines as are asked for, also of the file before`(
        count: Int
    ) async throws {
        try folder.write("one\ntwo\n", to: "shop-0.log.1")
        try append("three\nfour\n")
        #expect(try await texts(lines: count) == ["one", "two", "three", "four"].suffix(count))
    }

    @Test func `counts the lines of a file that is read in pieces`() async throws {
        let lines = (0..<20_000).map { "line \($0)" }
        try append(lines.map { "\($0)\n" }.joined())
        #expect(try await texts(lines: 15_000) == lines.suffix(15_000))
    }

    @Test func `is not searched to the start of a file that its worker has made long`() throws {
        let byteCount = off_t(8) << 40
        try append("one\n")
        #expect(truncate(folder("shop-0.log"), byteCount) == 0)
        let log = try #require(WorkerLog.files(of: .shop, in: folder("")).first).log
        #expect(log.place(ofLast: 10).offset == Int64(byteCount) - WorkerLog.searchedBytes)
    }

    @Test func `ends though the worker prints on`() async throws {
        try append("one\n")
        try await onLoop { loop in
            var lines = tail(false, loop).makeAsyncIterator()
            #expect(text(await lines.next()).contains("one"))
            try append("two\n")
            #expect(await lines.next() == nil)
        }
    }

    @Test func `loses nothing that is copied aside while it is read`() async throws {
        try folder.write("long ago\n", to: "shop-0.log.1")
        try append("one\n")
        try await onLoop { loop in
            var lines = tail(true, loop, lines: 1).makeAsyncIterator()
            #expect(text(await lines.next()).contains("one"))
            try append("two\n")
            try WorkerLog.files(of: .shop, in: folder(""))[0].log.rotateIfFull(limitBytes: 8)
            #expect(text(await lines.next()).contains("two"))
            try append("three\n")
            #expect(text(await lines.next()).contains("three"))
        }
    }

    @Test func `goes on with what is appended, also after the file was emptied`() async throws {
        try append("one\n")
        try await onLoop { loop in
            var lines = tail(true, loop).makeAsyncIterator()
            let first = await lines.next()
            #expect(text(first).contains("one"))
            try append("two\n")
            let second = await lines.next()
            #expect(text(second).contains("two"))
            try BlockingFile(folder("shop-0.log"), .append(permissions: 0o600)).truncate()
            try append("x\n")
            let third = await lines.next()
            #expect(text(third).contains("\"x\""))
        }
    }

    @Test func `belongs to the application of that very name`() throws {
        for name in ["shop-0.log", "shop-12.log", "shop-0.log.1", "shop-1-0.log", "shopping-0.log", "shop-x.log"] {
            try folder.write("x", to: name)
        }
        #expect(WorkerLog.files(of: .shop, in: folder("")).map(\.index) == [0, 12])
    }

    @Test func `does not keep a line without an end in memory`() async throws {
        try append(String(repeating: "y", count: 100_000))
        try await onLoop { loop in
            for await line in tail(false, loop) { #expect(line.count < LogTail.lineBytes + 200) }
        }
    }
}
