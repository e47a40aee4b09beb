import Igropyr
import IgropyrConfiguration
@testable import IgropyrSites
import IgropyrText
import Testing

@Suite struct SiteFileTests {
    private static let mistakes: [(yaml: String, error: String)] = [
        ("rot: web", "site.yaml:1:1: unknown key \"rot\"; did you mean \"root\"?"),
        ("connections: 0", "site.yaml:1:14: connections: found 0, expected a whole number from 1 to 1000000"),
        ("index:\n  - a/b", "site.yaml:2:5: index[0]: found a/b, expected the name of a file, without a folder"),
        ("user: nobody-of-that-name", "site.yaml:1:7: user: there is no user \"nobody-of-that-name\" on this machine"),
        (
            "handlers:\n  php: {fastgci: unix:/run/php.sock}",
            "site.yaml:2:9: handlers.php.fastgci: unknown key \"fastgci\"; did you mean \"fastcgi\"?"
        ),
        (
            "handlers:\n  pl: {cgi: {interpreter: perl}}",
            "site.yaml:2:27: handlers.pl.cgi.interpreter: found perl, "
                + "expected the interpreter's whole path, then its first arguments"
        ),
        (
            "handlers:\n  x: {cgi: {environment: {HTTP_PROXY: a}}}",
            "site.yaml:2:27: handlers.x.cgi.environment.HTTP_PROXY: found HTTP_PROXY, "
                + "expected a variable's name, and not HTTP_PROXY"
        ),
        (
            "authentication: {basic: {users: {ann: secret}}}",
            "site.yaml:1:39: authentication.basic.users.ann: found secret, "
                + "expected a password's hash, as `openssl passwd -6` prints it, within single quotes"
        ),
        (
            "redirects:\n  - {from: /a/*, to: 'http://*/b'}",
            "site.yaml:2:5: redirects[0]: /a/* → http://*/b: no part of the path may choose the host: write the host out"
        ),
        (
            "redirects:\n  - {from: /a/*, to: 'https:///*'}",
            "site.yaml:2:5: redirects[0]: /a/* → https:///*: no part of the path may choose the host: write the host out"
        ),
        (
            "rewrites:\n  - {from: /a, to: 'http://b/'}",
            "site.yaml:2:5: rewrites[0]: /a → http://b/: a rewrite leads to a path: use redirects for other sites"
        ),
        ("hosts: [{root: a}]", "site.yaml:1:9: hosts[0]: the key \"name\" is missing"),
        ("default-host: a", "site.yaml:1:15: default-host: no host of \"hosts\" has the name a"),
        ("listing: {template: '{{nam}}'}", "site.yaml:1:21: listing.template: found {{nam}}, expected {{path}}"),
        (
            "headers: {Content-Length: 5}",
            "site.yaml:1:11: headers.Content-Length: found Content-Length, expected the name"
        ),
        ("scheme: {interpreter: guile}", "site.yaml:1:23: scheme.interpreter: found guile, expected the interpreter's"),
        ("scheme: {memory: 1MiB}", "site.yaml:1:18: scheme.memory: found 1MiB, expected"),
        (
            "handlers: {ssp: {ssp: {short-open-tag: '<%', long-open-tag: '<%'}}}",
            "site.yaml:1:61: handlers.ssp.ssp.long-open-tag: the two opening tags are the same"
        ),
        (
            "hosts: [{name: 'a.test:80'}]",
            "site.yaml:1:16: hosts[0].name: found \"a.test:80\", expected a host's name without a port"
        ),
        (
            "hosts: [{name: '[::1]'}, {name: '[::1]:80'}]",
            "site.yaml:1:33: hosts[1].name: found \"[::1]:80\", expected a host's name without a port"
        ),
        (
            "hosts: [{name: '*.test'}, {name: a.test}]",
            "site.yaml:1:8: hosts: hosts[1] never answers for a.test: hosts[0] does; put it before that one"
        ),
        (
            "hosts: [{name: '~ a+'}, {name: '~ a+'}]",
            "site.yaml:1:8: hosts: hosts[1] never answers for ~ a+: hosts[0] does; put it before that one"
        ),
        (
            "redirects: [{from: /**, to: /moved}]",
            "site.yaml:1:13: redirects[0]: /** → /moved: its target is redirected again, without end"
        ),
        ("tls: {certificate: a.pem}", "site.yaml:1:6: tls: \"certificate\" and \"key\" go together"),
        ("tls: {certificates: []}", "site.yaml:1:21: tls.certificates: found 0 elements, expected 1 to 64"),
        ("redirect-http: ':80'", "site.yaml:1:16: redirect-http: it needs \"tls\""),
        (
            "paths: {/a: {body: 1}, /a/: {}}",
            "site.yaml:1:8: paths: a path is there twice, once with a slash at its end"
        ),
        ("fallback: index.php", "site.yaml:1:11: fallback: found index.php, expected a file's path from the root"),
        ("allow: 10.0.0.1/8", "site.yaml:1:8: allow: found 10.0.0.1/8, expected a network"),
    ]

    @Test(arguments: mistakes) func `a mistake is named with its line and what was expected`(
        yaml: String, error: String
    ) {
        let found = #expect(throws: ConfigurationError.self) { try Site(Array(yaml.utf8), file: "site.yaml") }
        #expect(found?.description.hasPrefix(error) ?? false, "\(found?.description ?? "")")
    }

    @Test func `what is named and not there is remarked on`() throws {
        let fixture = try SiteFixture()
        defer { fixture.remove() }
        try fixture.write("there.html", "")
        let yaml = """
            status-pages: {403: /there.html, 404: /none.html}
            fallback: /none.php
            handlers:
              pl: {cgi: {interpreter: /none/perl}}
              php: {fastcgi: unix:/none/fpm.sock}
              sh: {cgi: {interpreter: /bin/sh}}
            paths:
              /api: {fallback: /api.php}
              /files: {send-files: {/kept: none}}
              /there: {fallback: /there.html}
            hosts: [{name: a.test}]
            """
        let site = try Site(Array(yaml.utf8), file: fixture.path + "/site.yaml")
        #expect(
            site.remarks == [
                ".php: there is no socket /none/fpm.sock now; start the program that listens there, or name its socket",
                ".pl: /none/perl is no program that can be run; install it, or name another",
                "status-pages: 404: there is no file \(fixture.web)/none.html",
                "fallback: there is no file \(fixture.web)/none.php",
                "/api: fallback: there is no file \(fixture.web)/api.php",
                "/files: send-files: there is no folder \(fixture.path)/none",
            ])
    }

    @Test func `every parameter of Spiffy has its key`() throws {
        let site = try Site(
            Array(
                """
                root: pages
                listen: 127.0.0.1:8081
                connections: 2048
                user: root
                group: root
                index: [index.html, index.ssp]
                types: {html: text/html}
                default-type: text/plain
                default-host: foo.bar.com
                hosts: [{name: foo.bar.com}]
                handlers: {php: {cgi: {interpreter: /usr/bin/php-cgi}}, cgi: cgi, txt: file}
                access-log: access.log
                error-log: error.log
                debug-log: /var/log/debug.log
                access-file: .access
                server-name: Spiffy/5
                listing: true
                """.utf8), file: "/srv/site/site.yaml")
        #expect(site.base.root == "/srv/site/pages" && site.address == "127.0.0.1" && site.port == 8081)
        #expect(site.connections == 2048 && site.owner?.description == "user root, group root")
        #expect(site.base.rules.indexFiles == ["index.html", "index.ssp"] && site.base.accessFile == ".access")
        #expect(
            site.base.logs.access?.file == "/srv/site/access.log" && site.base.logs.debugFile == "/var/log/debug.log")
        #expect(site.hosts[0].rules.defaultType == "text/plain" && site.serverName == "Spiffy/5")
        guard case .cgi(let settings)? = site.base.rules.handlers["php"] else { return #expect(Bool(false)) }
        #expect(settings.interpreter == ["/usr/bin/php-cgi"])
    }

    @Test func `without a file the defaults are Spiffy's`() throws {
        let site = try Site([], file: "site.yaml")
        #expect(site.base.root == "web" && site.connections == 1024 && site.base.accessFile == nil)
        #expect(site.base.rules.indexFiles == ["index.html", "index.xhtml"])
        #expect(site.base.rules.defaultType == "application/octet-stream" && site.base.rules.listing == nil)
    }

    private static let globs: [(pattern: String, target: String, path: String, destination: String?)] = [
        ("/a", "/b", "a", "/b"), ("/a", "/b", "a/", nil), ("/*.htm", "/*.html", "x.htm", "/x.html"),
        ("/old/**", "/new/*", "old/a/b", "/new/a/b"), ("/u/*/p", "/p?user=*", "u/ä/p", "/p?user=%C3%A4"),
        ("/**", "https://e.org/*", "a\r\nSet-Cookie: b", "https://e.org/a%0D%0ASet-Cookie%3A%20b"),
        ("/go/**", "/*", "go//evil.test", "/evil.test"), ("/f*/bar", "/*", "boo/bar", nil),
        ("/a/**", "/b/*", "a/\u{301}x", "/b/%CC%81x"), ("/a/\u{301}*", "/b/*", "a/\u{301}x", "/b/x"),
        ("/a*\u{301}x", "/b/*", "ay\u{301}x", "/b/y"), ("/a*", "/b/*", "a\u{301}x", "/b/%CC%81x"),
        ("/\u{600}*x", "/b/*", "\u{600}yx", "/b/y"),
    ]

    @Test(arguments: globs) func `a path goes where its rule says, escaped again`(
        pattern: String, target: String, path: String, destination: String?
    ) throws {
        let yaml = "redirects: [{from: '\(pattern)', to: '\(target)'}]"
        let site = try Site(Array(yaml.utf8), file: "")
        #expect(site.base.rules.redirects[0].destination(of: path.pathNames, query: nil) == destination)
    }
}
