import IgropyrUV
import Testing

@testable import IgropyrMySQL

private let targets: [(url: String, server: String, database: String?, tls: MySQLTarget.TLS)] = [
    ("mysql://app@", "localhost:3306", nil, .preferred),
    ("mariadb://app@db.example.org/shop", "db.example.org:3306", "shop", .preferred),
    ("mysql://app:se%3Acr%40t@[::1]:3307/a%20b?ssl-mode=disabled", "[::1]:3307", "a b", .disabled),
    ("mysql://app@db/?ssl-mode=VERIFY_IDENTITY&ssl-ca=/a&ssl-cert=/b&ssl-key=/c", "db:3306", nil, .verified),
    ("mysql://app@/shop?socket=/run/mysqld/mysqld.sock", "/run/mysqld/mysqld.sock", "shop", .disabled),
]

private let refusals: [(url: String, reason: String)] = [
    ("", "no URL of MySQL"), ("localhost:3306", "no URL of MySQL"), ("postgres://app@localhost", "no URL of MySQL"),
    ("mysql://localhost", "names its user"), ("mysql://:x@localhost", "names its user"),
    ("mysql://app@localhost:70000", "is no host and port"), ("mysql://app:%zz@localhost", "two hex digits"),
    ("mysql://app:%ff@localhost", "UTF-8"), ("mysql://app:%00@localhost", "no NUL"),
    ("mysql://app@localhost?timeout=1", "timeout is no option"), ("mysql://app@localhost?ssl-mode=on", "ssl-mode is"),
    ("mysql://app@localhost?ssl-mode=REQUIRED", "goes on in clear"), ("mysql://app@db?ssl-ca=/a", "go with"),
    ("mysql://app@/?socket=run/x", "begins with /"),
    ("mysql://app@/?socket=/x&ssl-mode=VERIFY_IDENTITY", "no name to verify"),
]

struct MySQLTargetTests {
    @Test(arguments: targets) func `a URL tells where the server is and how it is spoken to`(
        url: String, server: String, database: String?, tls: MySQLTarget.TLS
    ) throws {
        let target = try MySQLTarget(url)
        let text =
            switch target.server {
            case .endpoint(let endpoint): "\(endpoint)"
            case .path(let path): path
            }
        #expect(text == server && target.database == database && target.tls == tls && target.user == "app")
        #expect(target.password == (url.contains("se%") ? "se:cr@t" : ""))
    }

    @Test(arguments: refusals)
    func `a URL that is none is refused, with what to do`(url: String, reason: String) throws {
        let error = #expect(throws: MySQLError.self) { try MySQLTarget(url) }
        let text = try #require(error?.connectFailure)
        #expect(text.contains(reason), "\(text)")
    }
}
