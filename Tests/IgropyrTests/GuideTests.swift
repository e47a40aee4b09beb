import Foundation
import TestSupport
import Testing

/// What the guide and other documents say in Swift is Swift.
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
        let blocks = try Self.blocks(of: Self.guide.appendingPathComponent(article))
        guard !blocks.isEmpty else { return }
        var code = blocks.joined(separator: "\n")
        if !code.contains("let app = App()") { code = "import Igropyr\nlet app = App()\n" + code }
        try await Self.compile(code, of: article)
    }

    /// A block that imports something begins a program, and those behind it go on with it.
    @Test(arguments: ["README.md", "docs/databases.md", "docs/hummingbird-and-vapor.md"])
    func `the programs of other documents compile`(
        document: String
    ) async throws {
        var programs: [String] = []
        for block in try Self.blocks(of: Self.root.appendingPathComponent(document)) {
            if block.hasPrefix("import ") { programs.append(block) } else { programs[programs.count - 1] += block }
        }
        #expect(!programs.isEmpty)
        for program in programs { try await Self.compile(program, of: document) }
    }

    @Test func `handlers may be functions, which the settings of the guide's package allow`() async throws {
        let code = """
            import Igropyr
            struct Shop: Sendable {
                func addRoutes(to app: App) { app.post("/sums", sum) }
                func sum(_ request: Request) async throws -> String { "\\(try await numbers(request).reduce(0, +))" }
            }
            func numbers(_ request: Request) async throws -> [Int] { try await request.json() }
            Shop().addRoutes(to: App())
            """
        let features = try Self.features
        #expect(!features.isEmpty)
        try await Self.compile(code, of: "a program with functions")
    }

    private static func blocks(of document: URL) throws -> [String] {
        try String(contentsOf: document, encoding: .utf8).components(separatedBy: "```swift\n").dropFirst().map {
            $0.components(separatedBy: "```\n")[0]
        }
    }

    /// What the guide's Package.swift turns on.
    private static var features: [String] {
        get throws {
            let article = guide.appendingPathComponent("FirstApplication.md")
            return try String(contentsOf: article, encoding: .utf8).components(
                separatedBy: ".enableUpcomingFeature(\""
            ).dropFirst().map { $0.components(separatedBy: "\"")[0] }
        }
    }

    private static func compile(_ code: String, of document: String) async throws {
        let folder = try TemporaryFolder()
        let file = try folder.write("main.swift", code)
        let sources = Self.root.appendingPathComponent("Sources")
        let libraries = try FileManager.default.contentsOfDirectory(atPath: sources.path).filter {
            FileManager.default.fileExists(atPath: sources.appendingPathComponent("\($0)/module.modulemap").path)
        }
        let folders = [Self.modules] + libraries.map { sources.appendingPathComponent($0).path }
        let headers = try await run(["pkg-config", "--cflags-only-I", "libpq", "libmariadb"]).output.split {
            $0.isWhitespace
        }
        let outcome = try await run(
            ["swiftc", "-emit-sil", "-o", "/dev/null", "-swift-version", "6"]
                + (try features).flatMap { ["-enable-upcoming-feature", $0] }
                + folders.flatMap { ["-I", $0] } + headers.map(String.init) + [file])
        #expect(outcome.status == 0, "\(document): \(outcome.output)\(outcome.errors)")
    }

    /// Of the build that this test is of.
    private static var modules: String {
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments[0]
        return URL(fileURLWithPath: bundle).deletingLastPathComponent().appendingPathComponent("Modules").path
    }
}
