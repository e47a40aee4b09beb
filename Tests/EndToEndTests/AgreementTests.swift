import FoundationEssentials
import Synchronization
import Testing

extension EndToEnd {
    /// Two balancers of one cluster, each of which hears of it by itself.
    struct AgreementTests {
        /// Gossip and the exchange of states take some tenths of a second, in which one knows what the other does not
        /// yet: here, how long before that would be no delay but a disagreement.
        private static let delay = Duration.seconds(20)

        @Test(.enabled(if: Binaries.isOptimised, "without optimisation a table takes seconds to make"))
        func `two balancers agree on every key before, during and after a change`() async throws {
            try await Lab.up("3") { lab in
                let balancers = try [1, 2].map { try lab.startBalancer(on: $0) }
                let logs = { balancers.map(\.errors).joined(separator: "\n") }
                let deployed = try await lab.deploy()
                try #require(deployed.status == 0, "\(deployed)")
                try await lab.agree(on: 3, or: logs())
                let before = try await lab.owners(by: 1)

                let joining = try await lab.longestDisagreement {
                    try await lab.lab("add")
                    try await lab.agree(on: 4, or: logs())
                }
                let after = try await lab.owners(by: 1)
                #expect(joining < Self.delay)
                // Who stays keeps what the newcomer did not get.
                #expect(zip(before, after).allSatisfy { $0 == $1 || $1.contains("/host-4/") })

                let leaving = try await lab.longestDisagreement {
                    try await lab.lab("kill", "4")
                    try await lab.agree(on: 3, or: logs())
                }
                #expect(leaving < Self.delay)
                #expect(try await lab.owners(by: 1) == before)
                print("two balancers disagreed for \(joining) at most while a host joined, \(leaving) while it died")
            }
        }
    }
}

private final class Flag: Sendable {
    private let value = Atomic(false)
    var isSet: Bool { value.load(ordering: .relaxed) }
    func set() { value.store(true, ordering: .relaxed) }
}

extension Lab {
    fileprivate func startBalancer(on host: Int) throws -> Program {
        let name = "balancer-\(host)"
        return try start(
            on: host,
            [
                "igropyr", "balancer", "--name", name, "--listen", "\(address(host)):8080", "--bind",
                "\(address(host)):7950", "--join", address(1), "--key-file", keyFile, "--admin",
                "\(address(host)):7951",
            ])
    }

    /// Waits until both know so many workers, give each of them its whole share, and agree.
    fileprivate func agree(on workers: Int, or logs: @autoclosure () -> String) async throws {
        try await eventually("both balancers go by the same \(workers) workers", or: logs()) {
            let (first, second) = (try await owners(by: 1), try await owners(by: 2))
            guard first == second else { throw Failure("they differ: \(Set(first)), \(Set(second))") }
            guard Set(first).count == workers else { throw Failure("\(Set(first))") }
            return try await Set(explanations(by: 1).flatMap(\.choices).map(\.weight)).count == 1
        }
    }

    /// For how long the two would have sent some key to different workers, at most in one go, while `body` ran: from
    /// the first answers that differ to the next question whose answers do not.
    fileprivate func longestDisagreement(_ body: () async throws -> Void) async throws -> Duration {
        let isOver = Flag()
        async let longest = longestDisagreement(until: isOver)
        do {
            try await body()
        } catch {
            isOver.set()
            _ = try? await longest
            throw error
        }
        isOver.set()
        return try await longest
    }

    private func longestDisagreement(until isOver: Flag) async throws -> Duration {
        var longest = Duration.zero
        var since: ContinuousClock.Instant?
        while !isOver.isSet {
            let start = ContinuousClock.now
            async let first = owners(by: 1)
            let isSame = try await owners(by: 2) == first
            if isSame {
                if let since { longest = max(longest, since.duration(to: start)) }
                since = nil
            } else {
                since = since ?? .now
            }
        }
        return longest
    }

    /// Which worker each of some keys belongs to, as that host's balancer has it.
    fileprivate func owners(by host: Int) async throws -> [String] {
        try await explanations(by: host).map { $0.choices.first?.id ?? "" }
    }

    private func explanations(by host: Int) async throws -> [Explanation] {
        let url = "http://\(address(host)):7951/explain?url=http://a/key-[1-200]"
        let outcome = try await Program.run(["curl", "-sS", "-f", "--max-time", "10", url])
        guard outcome.status == 0 else { throw Failure("curl: \(outcome)") }
        return try outcome.output.split(separator: "\n").map { line in
            do {
                return try JSONDecoder().decode(Explanation.self, from: Data(line.utf8))
            } catch {
                throw Failure("\(error): \(line)")
            }
        }
    }
}

private struct Explanation: Decodable {
    struct Worker: Decodable {
        var id: String
        var weight: Double
    }

    var choices: [Worker]
}
