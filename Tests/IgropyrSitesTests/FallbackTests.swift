import Foundation
import Igropyr
import IgropyrSites
import TestSupport
import Testing

/// What stands in for paths where nothing is: an application's front controller.
@Suite(.timeLimit(.minutes(5))) struct FallbackTests {
    @Test func `what is there answers for itself, and the fallback for all else`() async throws {
        try await withSite(
            """
            index: [index.sh]
            handlers: {sh: {cgi: {interpreter: /bin/sh}}}
            fallback: /index.sh
            status-pages: {404: /style.css}
            """
        ) { caller, site in
            try site.write(
                "index.sh",
                """
                printf 'Content-Type: text/plain\\n\\n'
                printf '%s %s %s %s %s' "$REQUEST_METHOD" "$SCRIPT_NAME" "$REQUEST_URI" "$QUERY_STRING" "$PATH_INFO"
                cat
                """)
            try site.write("style.css", "a{}")
            try site.write("admin/index.sh", "printf 'Content-Type: text/plain\\n\\n%s' admin")
            try site.write("empty/.keep", "")
            #expect(try await caller.text("/style.css") == "a{}")
            #expect(try await caller.text("/admin/") == "admin")
            #expect(try await caller.status("/empty/") == 403)
            #expect(try await caller.text("/") == "GET /index.sh /  ")
            #expect(try await caller.text("/2026/ein%20Tag/?p=1") == "GET /index.sh /2026/ein%20Tag/?p=1 p=1 ")
            #expect(try await caller.text("/style.css/more") == "GET /index.sh /style.css/more  ")
            #expect(try await caller.text("/.env") == "GET /index.sh /.env  ")
            #expect(try await caller.text("/index.sh/a/b") == "GET /index.sh /index.sh/a/b  /a/b")
            let form = try await caller.send("/order", method: "POST", body: Array("a=b".utf8))
            #expect(form.text == "POST /index.sh /order  a=b")
        }
    }

    /// WordPress's REST API has such paths: `…/templates/theme//home`, `…/plugins/akismet%2Fakismet`.
    @Test func `a fallback gets paths as they were asked for, with their empty names and escaped slashes`()
        async throws
    {
        try await withSite(
            """
            handlers: {sh: {cgi: {interpreter: /bin/sh}}}
            fallback: /index.sh
            paths: {/admin: {deny: 127.0.0.1}}
            """
        ) { caller, site in
            try site.write("index.sh", "printf 'Content-Type: text/plain\\n\\n%s %s' \"$REQUEST_URI\" \"$PATH_INFO\"")
            for path in ["/v2/templates/theme//home", "/v2/plugins/a%2Fb", "//login", "/a%2f"] {
                #expect(try await caller.text(path) == "\(path) ", "\(path)")
            }
            #expect(try await caller.text("/index.sh//a%2Fb//c/") == "/index.sh//a%2Fb//c/ /a/b/c/")
            for path in ["//admin/x", "/admin%2Fx", "/admin%2f", "/%2Fadmin//x"] {
                #expect(try await caller.status(path) == 403, "\(path)")
            }
            for path in ["/a%2F..%2Fadmin/x", "/admin/x%2F..", "/.%2Fx"] {
                #expect(try await caller.status(path) == 404, "\(path)")
            }
        }
    }

    @Test func `a folder has a fallback of its own, or none`() async throws {
        try await withSite("access-file: .access.yaml\nfallback: /all is here.html") { caller, site in
            try site.write("all is here.html", "all")
            try site.write("api/.access.yaml", "fallback: off")
            try site.write("shop/.access.yaml", "fallback: /shop/shop.html")
            try site.write("shop/shop.html", "shop")
            for path in ["/some/where", "/all%20is%20here.html/more", "/all%20is%20here.html/"] {
                #expect(try await caller.text(path) == "all", "\(path)")
            }
            #expect(try await caller.status("/api/none") == 404)
            #expect(try await caller.text("/shop/none") == "shop")
        }
    }

    @Test func `a fallback that is not there is 404, and the log says so`() async throws {
        try await withSite("fallback: /index.php\nerror-log: error.log") { caller, site in
            #expect(try await caller.status("/none") == 404)
            try await eventually("it is said") {
                site.text("error.log").contains("the fallback is not there (path=/index.php)")
            }
        }
    }
}
