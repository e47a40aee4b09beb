import IgropyrUV
import Testing

@testable import IgropyrRedis

private let targets: [(url: String, server: String, greeting: [RedisCommand])] = [
    ("redis://", "localhost:6379", [["PING"]]),
    ("redis://db.example.org", "db.example.org:6379", [["PING"]]),
    ("redis://app:se%3Acr%40t@[::1]:7000/2", "[::1]:7000", [["AUTH", "app", "se:cr@t"], ["SELECT", 2]]),
    ("redis://:a@b@localhost/", "localhost:6379", [["AUTH", "a@b"]]),
    ("redis://app:\u{301}e@localhost", "localhost:6379", [["AUTH", "app", "\u{301}e"]]),
    ("redis://:1?db=15", "localhost:1", [["SELECT", 15]]),
    ("unix:/run/redis/socket", "/run/redis/socket", [["PING"]]),
    ("unix:///run/redis/socket?db=3", "/run/redis/socket", [["SELECT", 3]]),
    ("unix://app:x@/run/so%20ck", "/run/so ck", [["AUTH", "app", "x"]]),
]

private let refusals: [(url: String, reason: String)] = [
    ("localhost:6379", "no URL of Redis"),
    ("", "no URL of Redis"),
    ("http://localhost", "no URL of Redis"),
    ("redis://localhost:70000", "is no host and port"),
    ("redis://localhost/a", "is no number of a database"),
    ("redis://localhost/-1", "is no number of a database"),
    ("redis://localhost/99999999999999999999", "is no number of a database"),
    ("redis://localhost?timeout=1", "timeout is no option"),
    ("redis://localhost?ssl-ca=/a", "with rediss:// those of TLS"),
    ("unix:/run/redis/socket?ssl-mode=REQUIRED", "with rediss:// those of TLS"),
    ("rediss://localhost?timeout=1", "timeout is no option"),
    ("rediss://localhost?ssl-mode=PREFERRED", "ssl-mode is VERIFY_IDENTITY or REQUIRED"),
    ("rediss://localhost?ssl-mode=REQUIRED&ssl-ca=/a", "has no effect"),
    ("rediss://localhost?ssl-cert=/a", "go together"),
    ("rediss://localhost?ssl-ca=/a%00b", "no NUL"),
    ("redis://app@localhost", "is to have a password"),
    ("redis://:%zz@localhost", "two hex digits"),
    ("redis://:%4@localhost", "two hex digits"),
    ("redis://:%ff@localhost", "UTF-8"),
    ("unix:run/redis", "begins with /"),
    ("unix:/" + String(repeating: "x", count: 107), "107 bytes"),
    ("unix:/a%00b", "begins with /"),
]

struct RedisTargetTests {
    @Test(arguments: targets) func `a URL tells where the server is and what is said first`(
        url: String, server: String, greeting: [RedisCommand]
    ) throws {
        let target = try RedisTarget(url)
        let text =
            switch target.server {
            case .endpoint(let endpoint): "\(endpoint)"
            case .path(let path): path
            }
        #expect(text == server)
        #expect(target.greeting == greeting)
    }

    @Test func `a URL with two s is of TLS, by the machine's authorities unless it names others`() throws {
        #expect(try RedisTarget("redis://db").tls == nil)
        let plain = try #require(try RedisTarget("rediss://:x@db/2").tls)
        #expect(plain.trust == .system && plain.certificate == nil)
        let text = "rediss://app:x@db:7000?db=2&ssl-mode=verify_identity&ssl-ca=/a&ssl-cert=/b%20c&ssl-key=/d"
        let target = try RedisTarget(text)
        #expect(target.server == .endpoint(Endpoint(host: "db", port: 7000)) && target.database == 2)
        #expect(target.tls?.trust == .authorities(file: "/a"))
        #expect(target.tls?.certificate == .init(chainFile: "/b c", keyFile: "/d"))
        #expect(try RedisTarget("rediss://db?ssl-mode=REQUIRED").tls?.trust == .unverified)
    }

    @Test(arguments: refusals) func `a URL that is none is refused, with what to do, and never its password`(
        url: String, reason: String
    ) throws {
        let error = #expect(throws: RedisError.self) { try RedisTarget(url) }
        let text = try #require(error?.connectFailure)
        #expect(text.contains(reason), "\(text)")
    }

    @Test func `commands that would put answers out of step are refused, and traces of others seen`() {
        let refused: [RedisCommand] = [
            ["subscribe", "a"], ["UNSUBSCRIBE"], ["MONITOR"], ["HELLO", 3], ["client", "reply", "OFF"], [], [""],
        ]
        for command in refused { #expect(throws: RedisError.self) { try command.check() } }
        let traces: [([RedisCommand], Bool)] = [
            ([["GET", "a"]], true), ([["multi"]], false), ([["MULTI"], ["INCR", "a"], ["EXEC"]], true),
            ([["WATCH", "a"]], false), ([["WATCH", "a"], ["UNWATCH"]], true), ([["SELECT", 3]], false),
            ([["WATCH", "a"], ["MULTI"], ["DISCARD"]], true), ([["SELECT", 3], ["MULTI"], ["EXEC"]], false),
            ([["CLIENT", "ID"]], true), ([["client", "tracking", "on"]], false), ([["CLIENT"]], true),
        ]
        for (commands, isClean) in traces {
            var session = RedisSession()
            for command in commands { session.note(command) }
            #expect(session.isClean == isClean, "\(commands)")
        }
    }
}
