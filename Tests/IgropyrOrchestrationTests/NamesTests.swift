import FoundationEssentials
import IgropyrOrchestration
import Testing

private let applicationNames: [(text: String, isValid: Bool)] = [
    ("shop", true), ("a", true), ("0-9", true), (String(repeating: "x", count: 63), true),
    ("", false), ("Shop", false), ("-a", false), ("a-", false), ("a.b", false), ("a/b", false), ("é", false),
    ("a b", false), (String(repeating: "x", count: 64), false),
]

@Test(arguments: applicationNames) func `an application name is a DNS label in lower case`(text: String, isValid: Bool)
{
    #expect((ApplicationName(rawValue: text) != nil) == isValid)
}

private let fileNames: [(fileName: String, name: String?)] = [
    ("Hello", "hello"), ("shop", "shop"), ("My_Site.v2", "my-site-v2"), ("--a--b--", "a-b"), ("über app", "ber-app"),
    ("/", nil),
    ("…", nil), (String(repeating: "x", count: 64), nil),
]

@Test(arguments: fileNames) func `a file's name gives an application one that is like it`(
    fileName: String, name: String?
) {
    #expect(ApplicationName(resembling: fileName)?.rawValue == name)
}

private let hostNames: [(text: String, isValid: Bool)] = [
    ("a", true), ("Node-1.example_x", true), (String(repeating: "h", count: 128), true),
    ("", false), ("a/b", false), ("a b", false), ("ü", false), (String(repeating: "h", count: 129), false),
]

@Test(arguments: hostNames) func `a host name has no slash, blank or other sign`(text: String, isValid: Bool) {
    #expect((HostName(rawValue: text) != nil) == isValid)
}

@Test func `a bundle digest is 64 hexadecimal digits in lower case`() {
    #expect(BundleDigest(rawValue: String(repeating: "0a", count: 32)) != nil)
    #expect(BundleDigest(rawValue: String(repeating: "0A", count: 32)) == nil)
    #expect(BundleDigest(rawValue: String(repeating: "0", count: 63)) == nil)
    #expect(BundleDigest(rawValue: String(repeating: "+f", count: 32)) == nil)
}

@Test func `an invalid name says which rule it breaks`() {
    let text = "My App"
    let error = #expect(throws: InvalidName.self) { try ApplicationName(text) }
    #expect(error?.description.contains("\"My App\" is not an application name: 1 to 63 of a-z") == true)
}

@Test func `an invalid name in JSON is a decoding error`() {
    #expect(throws: DecodingError.self) { try JSONDecoder().decode([HostName].self, from: Data(#"["a/b"]"#.utf8)) }
}

private let routes: [(host: String?, prefix: String, expected: String?)] = [
    (nil, "/", "*/"), (nil, "/a/", "*/a"), ("Shop.Example", "/A/b", "shop.example/A/b"), ("[::1]", "/", "[::1]/"),
    ("10.0.0.1", "/", "10.0.0.1/"),
    (nil, "", nil), (nil, "a", nil), (nil, "//", nil), (nil, "/a//b", nil), (nil, "/a/../b", nil), (nil, "/.", nil),
    (nil, "/a?b", nil), (nil, "/a b", nil), (nil, "/a\\b", nil), (nil, "/ä", nil),
    (nil, "/" + String(repeating: "x", count: 1024), nil),
    ("", "/", nil), ("a:80", "/", nil), ("a/b", "/", nil), ("[::1", "/", nil), ("[]", "/", nil), (".a", "/", nil),
]

@Test(arguments: routes) func `a route is normalised or refused`(host: String?, prefix: String, expected: String?) {
    #expect((try? Route(host: host, pathPrefix: prefix))?.description == expected)
}

@Test func `a route in JSON is checked like any other`() throws {
    let decoder = JSONDecoder()
    #expect(throws: (any Error).self) { try decoder.decode(Route.self, from: Data(#"{"pathPrefix":"/../x"}"#.utf8)) }
    let route = try decoder.decode(Route.self, from: Data(#"{"host":"A.b","pathPrefix":"/x/"}"#.utf8))
    #expect(route.description == "a.b/x")
}
