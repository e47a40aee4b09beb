import Foundation
import TestSupport
import Testing

/// What the guide says in Swift is Swift.
@Suite(.timeLimit(.minutes(5))) struct GuideTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    private static let guide = root.appendingPathComponent("docs/Guide.docc")
    private static let articles = (try? FileManager.default.contentsOfDirectory(atPath: guide.path)) ?? []

    @Test func `there is a guide, and every article of it is listed`() throws {
        let list = try String(contentsOf: Self.guide.appendingPathComponent("Guide.md"), encoding: .utf8)
        let names = Self.articles.filter { $0.hasSuffix(".md") && $0 != "Guide.md" }.map { $0.dropLast(3) }
        #expect(names.count >= 7)
        for name in names { #expect(list.contains("<doc:\(name)>")) }
    }

    @Test(arguments: articles.filter { $0.hasSuffix(".md") }) func `the code of an article compiles`(
        article: String
    ) async throws {
        let text = try String(contentsOf: Self.guide.appendingPathComponent(article), encoding: .utf8)
        let blocks = text.components(separatedBy: "```swift\n").dropFirst().map {
            $0.components(separatedBy: "```\n")[0]
        }
        guard !blocks.isEmpty else { return }
        var code = blocks.joined(separator: "\n")
        if !code.contains("let app = App()") { code = "import Igropyr\nlet app = App()\n" + code }
        let folder = try TemporaryFolder()
        let file = try folder.write("main.swift", code)
        let sources = Self.root.appendingPathComponent("Sources")
        let libraries = try FileManager.default.contentsOfDirectory(atPath: sources.path).filter {
            FileManager.default.fileExists(atPath: sources.appendingPathComponent("\($0)/module.modulemap").path)
        }
        let folders = [Self.modules] + libraries.map { sources.appendingPathComponent($0).path }
        let outcome = try await run(
            ["swiftc", "-typecheck", "-swift-version", "6"] + folders.flatMap { ["-I", $0] } + [file])
        #expect(outcome.status == 0, "\(article): \(outcome.output)\(outcome.errors)")
    }

    /// Of the build that this test is of.
    private static var modules: String {
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments[0]
        return URL(fileURLWithPath: bundle).deletingLastPathComponent().appendingPathComponent("Modules").path
    }
}
