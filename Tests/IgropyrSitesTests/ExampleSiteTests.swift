import Foundation
import IgropyrSites
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct ExampleSiteTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().path + "/../../Examples/Site"

    @Test func `the example's pages are shown`() async throws {
        let file = Self.folder + "/site.yaml"
        var site = try Site([UInt8](try Data(contentsOf: URL(filePath: file))), file: file)
        site.loops = 1
        try await serve(site) { caller in
            let start = try await caller.text("/?name=%3CAnn%3E")
            #expect(start.contains("<h1>Hello, &lt;Ann&gt;</h1>") && start.contains("<li>16</li></ol>"), "\(start)")
            let primes = try await caller.text("/primes.ws")
            #expect(
                primes.hasPrefix("<!DOCTYPE html><html lang=\"en\">") && primes.contains("<p>2 3 5 7 11 "), "\(primes)")
            #expect(primes.contains("<h1>Primes &lt; 50</h1>") && primes.contains("<a href=\"/\">Squares</a>"))
            let menu = try await caller.text("/menu.mustache")
            #expect(
                menu.contains("<h1>Fish &amp; chips</h1>\n<ul>\n<li>Soup, hot</li>\n<li>Salad</li>\n</ul>"), "\(menu)")
        }
    }

    @Test func `the example's program is served`() async throws {
        var site = try await Site(program: Self.folder + "/hello.scm")
        site.loops = 1
        #expect(site.address == "127.0.0.1" && site.port == 8080)
        try await serve(site) { caller in
            let text = try await caller.text("/")
            #expect(text == "Hello World")
        }
    }
}
