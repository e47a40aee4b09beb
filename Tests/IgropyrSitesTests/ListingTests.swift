import Igropyr
import IgropyrSites
import Testing

@Suite(.timeLimit(.minutes(5))) struct SiteListingTests {
    @Test func `a template makes the page, and no name can be more than a name`() async throws {
        try await withSite(
            """
            listing:
              template: |
                <h1>{{path}}</h1>{{#items}}[{{name}}|{{link}}|{{size}}]{{/items}}
            """
        ) { caller, site in
            try site.write("in/b<i>.txt", "1234")
            try site.write("in/A/x", "")
            try site.write("in/.hidden", "")
            #expect(try await caller.text("/in/") == "<h1>/in</h1>[A/|A/|][b&lt;i&gt;.txt|b%3Ci%3E.txt|4 B]")
            let json = try await caller.text("/in/", [("Accept", "application/json")])
            #expect(json.contains("\"name\":\"b<i>.txt\"") && !json.contains("hidden"))
        }
    }

    @Test func `dotfiles are served and yet not listed, if so wanted`() async throws {
        try await withSite("dotfiles: true\nlisting: {dotfiles: false}") { caller, site in
            try site.write(".seen", "seen")
            #expect(try await caller.text("/.seen") == "seen")
            #expect(try await !caller.text("/").contains(".seen"))
        }
    }
}
