import IgropyrCluster
import IgropyrGossip
import IgropyrMembership
import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrBalancer

private let longest = String(repeating: "a", count: 510)

@Suite(.timeLimit(.minutes(5))) struct `A certificate authority's challenge` {
    private static func member(_ name: String) -> MembershipConfiguration {
        var configuration = MembershipConfiguration(name: name, bind: freshAddress(port: 0))
        configuration.settings = .local
        configuration.logger.logLevel = .critical
        return configuration
    }

    @Test(arguments: [
        ("a.b", "/.well-known/acme-challenge/a"), ("A-z_9.B-y_8", "/.well-known/acme-challenge/A-z_9"), ("", nil),
        ("a", nil), (".b", nil), ("a.", nil), ("a.b.c", nil), ("a/../x.b", nil), ("a b.c", nil), ("a.b\n", nil),
        ("ä.b", nil), ("\(longest).b", "/.well-known/acme-challenge/\(longest)"), ("\(longest).bc", nil),
    ]) func `is a token, a dot and a thumbprint, and no more`(text: String, path: String?) {
        #expect(AuthorityChallenge(text)?.path == path)
        #expect(AuthorityChallenge(query: "igropyr:challenge", Array(text.utf8))?.path == path)
        #expect(AuthorityChallenge(query: "other", Array(text.utf8)) == nil)
    }

    @Test func `is answered by every loop and listener, and no other request is`() async throws {
        try await withBalancer(workers: 1) {
            $0.loops = 3
            var redirecting = BalancerListener(.address(.loopback(port: 0)))
            redirecting.redirectsToHTTPSPort = 443
            $0.listeners.append(redirecting)
        } _: { fixture in
            let challenge = try #require(AuthorityChallenge("token.thumbprint"))
            let before = try RawClient(to: fixture.balancer.addresses[1]).get(challenge.path)
            #expect(before.status == 308)
            await fixture.balancer.answer(challenge)
            for _ in 1...20 {
                for address in fixture.balancer.addresses {
                    let answer = try RawClient(to: address).get(challenge.path)
                    #expect(answer.status == 200 && answer.text == challenge.text)
                }
            }
            for path in [challenge.path + "x", String(challenge.path.dropLast()), challenge.path + "/", "/"] {
                #expect(try RawClient(to: fixture.balancer.addresses[1]).get(path).status == 308)
                #expect(try fixture.get(path).text == "worker-0")
            }
            let posted = try fixture.exchange(
                "POST \(challenge.path) HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\n\r\n")
            #expect(posted.text == "worker-0")
        }
    }

    @Test func `gives way to the hundredth after it`() async throws {
        try await withBalancer(workers: 1) { fixture in
            for number in 0...ChallengeAnswers.limit {
                await fixture.balancer.answer(try #require(AuthorityChallenge("t\(number).x")))
            }
            let client = try fixture.client()
            #expect(try client.get("/.well-known/acme-challenge/t0").text == "worker-0")
            #expect(try client.get("/.well-known/acme-challenge/t1").text == "t1.x")
            // One that is told again is no further one.
            await fixture.balancer.answer(try #require(AuthorityChallenge("t1.x")))
            #expect(try client.get("/.well-known/acme-challenge/t2").text == "t2.x")
        }
    }

    @Test func `is told to a balancer of a cluster by a query, which it answers once it knows`() async throws {
        try await onLoop { loop in
            let host = Membership(Self.member("host"), on: loop)
            try await host.start()
            let seed = try #require(await host.localAddress)
            var entrance = Self.member("entrance")
            entrance.seeds = [Endpoint(host: seed.hostText, port: seed.port)]
            var settings = BalancerSettings(listen: .loopback(port: 0))
            settings.listeners[0].redirectsToHTTPSPort = 443
            let balancer = ClusterBalancer(settings, member: entrance, key: nil, on: loop)
            try await balancer.start()
            #expect(await eventually { await host.members.contains { $0.name == "entrance" && $0.status == .alive } })
            let challenge = try #require(AuthorityChallenge("token.thumbprint"))
            let question = challenge.question
            var request = QueryRequest(try #require(question.name), payload: Array(question.payload))
            request.tags = question.tags
            request.timeout = .seconds(60)
            let query = try await host.query(request)
            #expect(query.asked == ["entrance"])
            for await case .answer(let name, _) in query.replies {
                #expect(name == "entrance")
                break
            }
            let address = try #require(await balancer.address)
            let answer = try await loop.offload { try RawClient(to: address).get(challenge.path) }
            #expect(answer.status == 200 && answer.text == challenge.text)
            try await balancer.stop(timeout: .zero)
            await host.shutdown()
        }
    }
}
