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

    @Test func `a listing and a program's answer are compressed, where a folder does not forbid it`() async throws {
        try await withSite(
            """
            access-file: .access.yaml
            listing: true
            handlers: {sh: {cgi: {interpreter: /bin/sh}}}
            """
        ) { caller, site in
            for folder in ["open", "plain"] {
                for number in 1...20 { try site.write("\(folder)/file-\(number).txt", "") }
                try site.write("\(folder)/a.sh", "printf 'Content-Type: text/plain\\n\\n'; seq 1 2000")
            }
            try site.write("plain/.access.yaml", "compress: false")
            for path in ["/", "/a.sh"] {
                let fields = [("Accept-Encoding", "br")]
                #expect(try await caller.send("/open\(path)", fields).field("Content-Encoding") == "br")
                #expect(try await caller.send("/plain\(path)", fields).field("Content-Encoding") == nil)
            }
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
