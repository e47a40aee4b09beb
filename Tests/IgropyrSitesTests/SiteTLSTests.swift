import Igropyr
import IgropyrConfiguration
import IgropyrSites
import IgropyrTransport
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct SiteTLSTests {
    @Test func `each name has its certificate, and who comes without TLS is sent to https`() async throws {
        let authority = try await TestAuthority()
        let one = try await authority.issue("one", for: ["DNS:one.test"])
        let other = try await authority.issue("other", for: ["DNS:other.test"])
        let yaml = """
            tls:
              certificates:
                - {certificate: \(one.chain), key: \(one.key)}
                - {certificate: \(other.chain), key: \(other.key)}
            redirect-http: ':80'
            hosts: [{name: other.test, root: web/other}]
            """
        let fixture = try SiteFixture()
        defer { fixture.remove() }
        try fixture.write("index.html", "one")
        try fixture.write("other/index.html", "other")
        var site = try Site(Array(yaml.utf8), file: fixture.path + "/site.yaml")
        site.loops = 2
        site.port = 8443
        site.redirectsFrom?.host = "127.0.0.1"
        site.redirectsFrom?.port = 0
        let running = try await site.start()
        let context = try TLSContext.client(trusting: .authorities(file: authority.file))
        try await onLoop { loop in
            for (name, text) in [("one.test", "one"), ("other.test", "other")] {
                let client = try HTTPRequester(on: loop, tls: context, serverName: name)
                defer { client.close() }
                #expect(try await client.send(.init(.get, "https://\(name)/"), to: running.address).text == text)
            }
            let client = try HTTPRequester(on: loop)
            defer { client.close() }
            let address = try #require(running.redirectAddress)
            let answer = try await client.send(.init(.get, "http://one.test/a%20b?c=d"), to: address)
            #expect(answer.status == 308 && answer.field("Location") == "https://one.test:8443/a%20b?c=d")
            #expect(try await client.send(.init(.post, "http://one.test/a", body: [1]), to: address).status == 308)
        }
        try await running.stop()
    }
}
