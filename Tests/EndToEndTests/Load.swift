import FoundationEssentials

/// A steady load of GETs by h2load: 20 connections, 500 requests a second in all, over 400 paths.
///
/// It counts a request as lost if it got no answer, or another one than 2xx and 3xx.
final class Load {
    /// What h2load counted.
    struct Summary: CustomStringConvertible {
        var total: Int
        var succeeded: Int
        var longest: Duration
        var description: String

        var lost: Int { total - succeeded }
    }

    static let rate = 500
    private static let connections = 20

    let total: Int
    private let log: String
    private let program: Program

    /// The folder, for its files, must last as long as the load.
    init(on url: String, for seconds: Int, in folder: String) throws {
        total = Self.rate * seconds
        log = "\(folder)/load.tsv"
        try? FileManager.default.removeItem(atPath: log)
        let paths = "\(folder)/load.uris"
        try Data((1...400).map { "\(url)/path/\($0)\n" }.joined().utf8).write(to: URL(filePath: paths))
        program = try Program([
            "h2load", "--h1", "--input-file", paths, "--clients", "\(Self.connections)", "--requests", "\(total)",
            "--rps", "\(Self.rate / Self.connections)", "--log-file", log,
        ])
    }

    /// Answers so far.
    var answers: Int {
        (FileManager.default.contents(atPath: log) ?? Data()).count { $0 == UInt8(ascii: "\n") }
    }

    /// Waits until that many more requests have been answered.
    func passes(_ count: Int) async throws {
        let goal = answers + count
        try await eventually("\(count) more answers", or: program.output) { answers >= goal }
    }

    func finish() async throws -> Summary {
        let outcome = try await program.finish(within: .seconds(2 * total / Self.rate + 60))
        guard outcome.status == 0, let line = outcome.output.split(separator: "\n").first(where: isCounts) else {
            throw Failure("h2load did not run: \(outcome)")
        }
        return Summary(
            total: number(before: "total", in: line), succeeded: number(before: "succeeded", in: line),
            longest: longest, description: String(line))
    }

    private func isCounts(_ line: Substring) -> Bool { line.hasPrefix("requests: ") }

    /// `requests: 10 total, 10 started, …`: 10 before "total".
    private func number(before word: String, in line: Substring) -> Int {
        let words = line.split(whereSeparator: { " ,".contains($0) })
        guard let index = words.firstIndex(of: word[...]), index > 0 else { return -1 }
        return Int(words[index - 1]) ?? -1
    }

    /// The log's third column is microseconds.
    private var longest: Duration {
        let text = String(decoding: FileManager.default.contents(atPath: log) ?? Data(), as: UTF8.self)
        let times = text.split(separator: "\n").compactMap { $0.split(separator: "\t").dropFirst(2).first }
        return .microseconds(times.compactMap { Int($0) }.max() ?? 0)
    }
}
