import Foundation
import IgropyrSites
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct ExampleSiteTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().path + "/../../Examples/Site"

    private static func served(_ body: @escaping @Sendable (SiteCaller) async throws -> Void) async throws {
        let file = folder + "/site.yaml"
        var site = try Site([UInt8](try Data(contentsOf: URL(filePath: file))), file: file)
        site.loops = 1
        try await serve(site, body)
    }

    @Test func `the example's pages are shown`() async throws {
        try await Self.served { caller in
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

    @Test func `the example has a program, another host and a kitchen for Ann only`() async throws {
        try await Self.served { caller in
            let clock = try await caller.text("/clock.sh", [("Host", "site.test")])
            #expect(clock.hasPrefix("You asked site.test for /clock.sh by GET.\nIt is 2"), "\(clock)")
            let docs = [("Host", "docs.localhost:8080")]
            let listing = try await caller.send("/", docs)
            #expect(listing.text.contains("href=\"recipes.txt\"") && listing.text.contains("href=\"old/\""))
            #expect(listing.field("Cache-Control") == "max-age=60")
            let items = try await caller.text("/", docs + [("Accept", "application/json")])
            #expect(items.contains("\"recipes.txt\""), "\(items)")
            #expect(try await caller.status("/clock.sh", docs) == 404)

            let stranger = try await caller.send("/private/")
            #expect(stranger.status == 401 && stranger.field("WWW-Authenticate")?.contains("the kitchen") == true)
            let ann = [("Authorization", "Basic " + Data("ann:open sesame".utf8).base64EncodedString())]
            let kitchen = try await caller.send("/private/", ann)
            #expect(kitchen.text.contains("salt") && kitchen.field("Cache-Control") == "no-store")
            #expect(try await caller.send("/private/menu", ann).field("Location") == "/menu.mustache")
            #expect(try await caller.status("/private/.access.yaml", ann) == 404)
        }
    }

    @Test func `the example's program of the first edition is served`() async throws {
        var site = try await Site(program: Self.folder + "/hello.scm")
        site.loops = 1
        #expect(site.address == "127.0.0.1" && site.port == 8080)
        try await serve(site) { caller in
            let text = try await caller.text("/")
            #expect(text == "Hello World")
        }
    }
}
