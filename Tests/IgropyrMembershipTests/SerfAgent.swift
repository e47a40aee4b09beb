import Foundation
import IgropyrUV
import TestSupport

/// A real `serf agent` on a loopback address of its own.
final class SerfAgent: Sendable {
    private static let executable = "/usr/bin/serf"

    let name: String
    let address: SocketAddress
    private let process: BackgroundCommand

    /// False, and said so, where the Debian package `serf` is missing.
    static func isInstalled(for test: String) -> Bool {
        let isInstalled = FileManager.default.isExecutableFile(atPath: executable)
        if !isInstalled { print("SKIPPED, Debian's package serf is not installed: \(test)") }
        return isInstalled
    }

    init(
        _ name: String, key: [UInt8]? = nil, joining seed: SocketAddress? = nil, tags: [String: String] = [:],
        handler: String? = nil
    ) throws {
        self.name = name
        address = freshAddress(port: 7946)
        process = try BackgroundCommand(
            [
                Self.executable, "agent", "-node=\(name)", "-bind=\(address)", "-rpc-addr=\(address.hostText):7373",
                "-profile=local", "-log-level=debug",
            ] + (key.map { ["-encrypt=\(Data($0).base64EncodedString())"] } ?? [])
                + (seed.map { ["-join=\($0)"] } ?? []) + (handler.map { ["-event-handler=\($0)"] } ?? [])
                + tags.map { "-tag=\($0.key)=\($0.value)" })
    }

    deinit { process.signal(SIGKILL) }

    var isRunning: Bool { process.isRunning }

    /// Everything that the agent has printed.
    var output: String { process.output + process.errors }

    func signal(_ number: Int32) { process.signal(number) }

    /// Runs `serf COMMAND -rpc-addr=… ARGUMENTS`; what it prints, or "" while the agent is not ready.
    @discardableResult
    func run(_ command: String, _ arguments: String...) async -> String {
        let words = [Self.executable, command, "-rpc-addr=\(address.hostText):7373"] + arguments
        return (try? await TestSupport.run(words))?.output ?? ""
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
