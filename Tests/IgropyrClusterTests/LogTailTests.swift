import IgropyrOrchestration
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrCluster

@Suite(.timeLimit(.minutes(5))) struct `A log's tail` {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func append(_ text: String) throws {
        let file = try OpenFile(folder("shop-0.log"), .append(permissions: 0o600))
        try file.write(Array(text.utf8).span.bytes)
    }

    private func tail(_ isFollowing: Bool, _ loop: EventLoop) -> LogTail {
        LogTail(
            host: HostName(rawValue: "a")!, logs: WorkerLog.files(of: .shop, in: folder("")),
            isFollowing: isFollowing, loop: loop)
    }

    private func text(_ bytes: [UInt8]?) -> String { String(decoding: bytes ?? [], as: UTF8.self) }

    @Test func `ends with the file, whole lines only`() async throws {
        try append("one\ntwo\nthr")
        try await onLoop { loop in
            var lines: [String] = []
            for await line in tail(false, loop) { lines.append(text(line)) }
            #expect(lines.count == 2 && lines[0].contains("\"text\":\"one\"") && lines[1].contains("\"two\""))
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
            try OpenFile(folder("shop-0.log"), .append(permissions: 0o600)).truncate()
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
