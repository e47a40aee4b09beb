import Foundation
import IgropyrUV

/// A real `serf agent` on a loopback address of its own.
final class SerfAgent: Sendable {
    private static let executable = "/usr/bin/serf"

    let name: String
    let address: SocketAddress
    private let log: URL
    private let process = Process()

    /// False, and said so, where the Debian package `serf` is missing.
    static func isInstalled(for test: String) -> Bool {
        let isInstalled = FileManager.default.isExecutableFile(atPath: executable)
        if !isInstalled { print("SKIPPED, Debian's package serf is not installed: \(test)") }
        return isInstalled
    }

    init(_ name: String, key: [UInt8]? = nil, joining seed: SocketAddress? = nil, tags: [String: String] = [:]) throws {
        self.name = name
        address = freshAddress(port: 7946)
        log = FileManager.default.temporaryDirectory.appendingPathComponent("serf-\(UUID().uuidString).log")
        _ = FileManager.default.createFile(atPath: log.path, contents: nil)
        process.executableURL = URL(fileURLWithPath: Self.executable)
        process.arguments =
            [
                "agent", "-node=\(name)", "-bind=\(address)", "-rpc-addr=\(address.hostText):7373", "-profile=local",
                "-log-level=debug",
            ] + (key.map { ["-encrypt=\(Data($0).base64EncodedString())"] } ?? [])
            + (seed.map { ["-join=\($0)"] } ?? []) + tags.map { "-tag=\($0.key)=\($0.value)" }
        let output = try FileHandle(forWritingTo: log)
        process.standardOutput = output
        process.standardError = output
        try process.run()
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        try? FileManager.default.removeItem(at: log)
    }

    var isRunning: Bool { process.isRunning }

    /// Everything that the agent has printed.
    var output: String { (try? String(contentsOf: log, encoding: .utf8)) ?? "" }

    func signal(_ number: Int32) { kill(process.processIdentifier, number) }

    /// Runs `serf COMMAND -rpc-addr=… ARGUMENTS`; what it prints, or "" while the agent is not ready.
    @discardableResult
    func run(_ command: String, _ arguments: String...) async -> String {
        await Task.detached { [self] in runAndWait(command, arguments) }.value  // Not on the loop: it has to answer.
    }

    private func runAndWait(_ command: String, _ arguments: [String]) -> String {
        let client = Process()
        let pipe = Pipe()
        client.executableURL = URL(fileURLWithPath: Self.executable)
        client.arguments = [command, "-rpc-addr=\(address.hostText):7373"] + arguments
        client.standardOutput = pipe
        client.standardError = FileHandle.nullDevice
        guard (try? client.run()) != nil else { return "" }
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        client.waitUntilExit()
        return String(decoding: output, as: UTF8.self)
    }

    struct MemberLine: Decodable, Equatable {
        let name: String
        let addr: String
        let status: String
        let tags: [String: String]
    }

    /// `serf members`, by name.
    func members() async -> [String: MemberLine] {
        struct List: Decodable { let members: [MemberLine] }
        let output = await run("members", "-format=json")
        guard let list = try? JSONDecoder().decode(List.self, from: Data(output.utf8)) else { return [:] }
        return Dictionary(list.members.map { ($0.name, $0) }) { first, _ in first }
    }

    func waitUntilReady() async -> Bool { await eventually { await members()[name]?.status == "alive" } }
}
