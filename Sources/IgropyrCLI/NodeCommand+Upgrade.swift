import Foundation
import IgropyrCluster
import IgropyrUV

extension NodeCommand {
    /// Becomes the program at that path, if it is one; else all goes on. Workers and connections stay; the balancer
    /// then does the same.
    func upgrade(
        to program: String, _ agent: HostAgent, _ balancer: ServiceSupervisor?, _ contract: ServiceContract,
        _ signals: ServiceSignals, on loop: EventLoop
    ) async throws {
        guard await Self.canRun(program, on: loop) else {
            return StandardError.write("all goes on as before: \(program) --version fails\n", .error)
        }
        await balancer?.settle()
        guard var handover = try await agent.leaveToSuccessor() else { return }
        if let balancer { handover.merge(try await balancer.handOver()) }
        handover.isEnding = await signals.isEnding
        try handover.exec([program] + CommandLine.arguments.dropFirst(), contract)
    }

    private static func canRun(_ program: String, on loop: EventLoop) async -> Bool {
        let command = ChildProcess.Command(
            executable: program, arguments: ["--version"], environment: ProcessInfo.processInfo.environment,
            descriptors: [nil, nil, 2])
        return await withCheckedContinuation { continuation in
            do throws(UVError) {
                _ = try ChildProcess(on: loop, command) { continuation.resume(returning: $0 == .exited(code: 0)) }
            } catch { continuation.resume(returning: false) }
        }
    }
}
