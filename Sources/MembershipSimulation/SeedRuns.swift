import Glibc

/// The same work for many seeds, some at once; results come in the order of the seeds.
enum SeedRuns {
    static func run<Result: Sendable>(
        _ seeds: Range<UInt64>, jobs: Int, _ work: @escaping @Sendable (UInt64) throws -> Result
    ) async throws -> [Result] {
        var results: [UInt64: Result] = [:]
        try await withThrowingTaskGroup(of: (UInt64, Result).self) { group in
            var next = seeds.lowerBound
            func startOne() {
                guard next < seeds.upperBound else { return }
                let seed = next
                next += 1
                group.addTask { (seed, try work(seed)) }
            }
            for _ in 0..<jobs { startOne() }
            while let (seed, result) = try await group.next() {
                results[seed] = result
                Progress.show("seeds", Double(results.count) / Double(seeds.count))
                startOne()
            }
        }
        Progress.finish()
        return seeds.compactMap { results[$0] }
    }
}

/// How far long work is, on the terminal's last line of standard error; nothing where nobody looks.
enum Progress {
    static func show(_ title: String, _ share: Double) {
        guard isatty(STDERR_FILENO) == 1 else { return }
        write("\r\(title) … \(Text.fixed(share * 100, 0)) %")
    }

    static func finish() {
        if isatty(STDERR_FILENO) == 1 { write("\r\u{1b}[K") }
    }

    private static func write(_ text: String) {
        let bytes = Array(text.utf8)
        _ = unsafe Glibc.write(STDERR_FILENO, bytes, bytes.count)
    }
}
