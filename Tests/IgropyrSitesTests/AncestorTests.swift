import Foundation
import TestSupport
import Testing

/// `docs/ancestors.md` says which test shows each thing that the ancestors could do.
@Suite struct AncestorTests {
    private static let sources: [String] = {
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let files = FileManager.default.enumerator(atPath: tests.path)?.compactMap { $0 as? String } ?? []
        return files.filter { $0.hasSuffix(".swift") }.map { tests.path + "/" + $0 }
    }()

    @Test func `each test that the table of the ancestors names is there`() throws {
        let texts = try Self.sources.map { try String(contentsOfFile: $0, encoding: .utf8) }
        let rows = try DocumentTable.rows(of: "docs/ancestors.md", headed: "theirs")
        var count = 0
        for cell in rows.compactMap({ $0["test"] }) {
            for name in cell.split(separator: ";") {
                let (suites, sentence) = Self.parts(String(name))
                for suite in suites {
                    let isThere =
                        texts.contains { $0.contains("struct \(suite) ") }
                        || Self.sources.contains { $0.contains("/\(suite)/") || $0.hasSuffix("/\(suite).swift") }
                    #expect(isThere, "the suite \(suite)")
                }
                let isThere = sentence.isEmpty || texts.contains { $0.contains("func `\(sentence)") }
                #expect(isThere, "the test \(sentence)")
                count += 1
            }
        }
        #expect(rows.count > 80 && count > 80)
    }

    /// Of "`Suite`: the beginning of a test's name", either of which may be missing.
    private static func parts(_ name: String) -> (suites: [String], sentence: String) {
        let pieces = name.split(separator: "`", omittingEmptySubsequences: false).map(String.init)
        let suites = pieces.indices.filter { $0 % 2 == 1 }.map { pieces[$0] }
        let rest = pieces.last ?? ""
        let sentence = suites.isEmpty ? rest : rest.hasPrefix(":") ? String(rest.dropFirst()) : ""
        return (suites, sentence.trimmingCharacters(in: .whitespaces))
    }
}
