import FoundationEssentials
import IgropyrSimulation
import IgropyrTime

enum JSONText {
    static func line(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}

/// A run's figures; times in seconds.
struct RunResult: Encodable {
    let seed: UInt64
    let isGood: Bool
    let simulatedSeconds: Double
    let falseDeclarations, lateDeclarations, rightDeclarations, refutations, datagrams, overflows: Int
    let bytesSentPerSecond, bytesReceivedPerSecond: Double
    let convergenceSeconds: Double?
    let digest: String

    init(_ report: RunReport) {
        seed = report.seed
        isGood = report.isGood
        simulatedSeconds = report.simulated.seconds
        falseDeclarations = report.falseDeclarations
        lateDeclarations = report.lateDeclarations
        rightDeclarations = report.rightDeclarations
        refutations = report.refutations
        datagrams = report.datagrams
        overflows = report.overflows
        bytesSentPerSecond = report.bytesSentPerSecond
        bytesReceivedPerSecond = report.bytesReceivedPerSecond
        convergenceSeconds = report.convergence?.seconds
        digest = String(report.digest, radix: 16)
    }
}

/// One answer of `detect`, `join` or `heal`; nil: not within the limit.
struct TimeResult: Encodable {
    let seed: UInt64
    let seconds: Double?
}

extension Duration {
    var seconds: Double { Double(nanosecondsClamped) / 1e9 }
}
