import FoundationEssentials
import Glibc
import IgropyrOrchestration
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrCluster

@Suite(.timeLimit(.minutes(5))) struct `A command beside a worker` {
    /// Gives a node with a worker that is ready, and a client.
    private func withNode(_ body: @escaping @Sendable (SampleNode, ControlClient) async throws -> Void) async throws {
        try await onLoop { loop in
            let folder = try TemporaryFolder()
            let bundle = try SampleWorker.bundle(in: folder)
            let node = try await SampleNode("a", on: loop)
            let control = try ControlClient(on: loop, key: nil, user: "alice@desk")
            _ = try await control.upload(bundle.summary.index, from: bundle.path, to: node.control)
            _ = try await control.deploy(.shop, SampleWorker.spec(bundle.summary), at: node.control)
            try await node.hasReady(1)
            try await body(node, control)
            await control.close()
            await node.agent.stop()
        }
    }

    private func run(_ words: [String], _ node: SampleNode, _ control: ControlClient) async throws -> [ExecLine] {
        let lines = Locked<[ExecLine]>([])
        try await control.exec(words, beside: .shop, index: nil, of: node.control) { line in
            lines.withLock { $0.append(line) }
            return true
        }
        return lines.withLock { $0 }
    }

    private func text(_ lines: [ExecLine], errors: Bool = false) -> String {
        var bytes: [UInt8] = []
        for line in lines {
            switch line {
            case .output(let piece) where !errors: bytes += piece
            case .errors(let piece) where errors: bytes += piece
            default: break
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Those that have it as an argument.
    private func processes(with word: String) -> Int {
        ((try? FileSystem.names(in: "/proc")) ?? []).filter { Int($0) != nil }
            .filter { name in
                let line = (try? BlockingFile("/proc/\(name)/cmdline", .read).read(upTo: 4096, at: 0)) ?? []
                return line.split(separator: 0).contains(Array(word.utf8)[...])
            }.count
    }

    @Test func `has the worker's files and environment, and tells what it prints and how it ends`() async throws {
        try await withNode { node, control in
            let script =
                "echo $IGROPYR_APPLICATION/$IGROPYR_HOST/$IGROPYR_WORKER; ls; echo ${LISTEN_FDS-none}; echo no >&2; exit 7"
            let lines = try await run(["sh", "-c", script], node, control)
            #expect(text(lines).hasPrefix("shop/a/0\n") && text(lines).hasSuffix("\nnone\n"), "\(text(lines))")
            #expect(text(lines).contains("\nworker\n"))
            #expect(text(lines, errors: true) == "no\n")
            #expect(lines.last == .exited(code: 7))
            #expect(try await run(["sh", "-c", "kill -9 $$"], node, control).last == .killed(signal: 9))
            let entries = try await control.audit(of: node.control).entries.filter { $0.action == .exec }
            #expect(entries.count == 2 && entries[1].detail == "sh -c kill -9 $$" && entries[1].user == "alice@desk")
            #expect(await eventually { (try? node.folder.names("data/run").count) == 1 })
        }
    }

    @Test func `prints more than fits into memory's buffers, in order`() async throws {
        try await withNode { node, control in
            let lines = try await run(["seq", "300000"], node, control)
            #expect(text(lines) == (1...300_000).map { "\($0)\n" }.joined())
            #expect(lines.last == .exited(code: 0))
        }
    }

    @Test func `that does not exist says so, as does a worker that is not there`() async throws {
        try await withNode { node, control in
            let lines = try await run(["no-such-program"], node, control)
            #expect(text(lines, errors: true).contains("no-such-program") && lines.last != .exited(code: 0))
            let error = await #expect(throws: ControlError.self) {
                try await control.exec(["true"], beside: .shop, index: 9, of: node.control) { _ in true }
            }
            #expect(error?.description == "a has no worker 9 of shop: igropyr status")
            await #expect(throws: ControlError.self) { _ = try await run([], node, control) }
        }
    }

    @Test(arguments: ["", "trap '' TERM; "])
    func `ends when nobody listens any more, with all that it has started`(stubbornness: String) async throws {
        let mark = "86\(UInt32.random(in: 100_000...999_999))"
        try await withNode { node, control in
            try await control.exec(
                ["sh", "-c", "\(stubbornness)sleep \(mark) & echo begun; sleep \(mark)"], beside: .shop, index: 0,
                of: node.control
            ) { line in line != .output(Data("begun\n".utf8)) }
            #expect(await eventually { processes(with: mark) == 0 })
            #expect(await eventually { (try? node.folder.names("data/run").count) == 1 })
        }
    }

    @Test func `that never stops printing ends, too, when nobody listens any more`() async throws {
        let mark = "88\(UInt32.random(in: 100_000...999_999))"
        try await withNode { node, control in
            try await control.exec(["yes", mark], beside: .shop, index: 0, of: node.control) { _ in false }
            #expect(await eventually { processes(with: mark) == 0 })
        }
    }

    @Test func `ends with its node, which waits for that`() async throws {
        let mark = "87\(UInt32.random(in: 100_000...999_999))"
        try await withNode { node, control in
            let begun = Signal()
            let running = Task {
                try await control.exec(
                    ["sh", "-c", "echo begun; sleep \(mark)"], beside: .shop, index: 0, of: node.control
                ) { _ in
                    begun.send()
                    return true
                }
            }
            await begun.wait()
            await node.agent.stop()
            _ = await running.result
            #expect(await eventually { processes(with: mark) == 0 })
        }
    }
}
