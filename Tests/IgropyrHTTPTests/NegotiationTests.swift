import IgropyrHTTP
import Testing

/// The best of brotli, zstd, gzip and no coding, in this order.
private let codings: [(field: String, best: ContentCoding?)] = [
    ("", .identity),
    ("gzip", .gzip),
    ("x-gzip", .gzip),
    ("GZip", .gzip),
    ("gzip, deflate, br, zstd", .brotli),
    ("gzip;q=0.8, br;q=0.7", .gzip),
    ("gzip;q=0.8,zstd;q=0.801", .zstd),
    ("gzip ; q=1.000 , br ; q=0.999", .gzip),
    ("gzip;Q=0.5", .gzip),
    ("gzip;q=0", .identity),
    ("gzip;q=0.000, br;q=0.", .identity),
    ("*", .brotli),
    ("*;q=0.5", .brotli),
    ("gzip, *;q=0.5", .gzip),
    ("br;q=0, *", .zstd),
    ("identity", .identity),
    ("identity, gzip;q=0.5", .identity),
    ("identity;q=0.5, gzip;q=0.5", .gzip),
    ("identity;q=0.5, gzip;q=0.4", .identity),
    ("gzip, identity;q=0", .gzip),
    ("identity;q=0", nil),
    ("*;q=0", nil),
    ("deflate, *;q=0", nil),
    ("identity;q=0.001, *;q=0", .identity),
    ("gzip, *;q=0", .gzip),
    ("deflate", .identity),
    // A weight that is none makes an element none.
    ("gzip;q=2", .identity),
    ("gzip;q=1.001", .identity),
    ("gzip;q=0.1234", .identity),
    ("gzip;q=.5", .identity),
    ("gzip;q=-1", .identity),
    ("gzip;q=", .identity),
    ("gzip;q=0,5", .identity),
    ("gzip;q=1x", .identity),
    (";q=1, gzip", .gzip),
    (",,gzip,,", .gzip),
    ("gzip;level=9;q=0", .identity),
]

@Test(arguments: codings) func `the coding that a client likes best is chosen`(field: String, best: ContentCoding?) {
    #expect(AcceptedCodings(field).best(of: [.brotli, .zstd, .gzip, .identity]) == best)
}

@Test func `Accept-Encoding in several lines is one list, and none is none`() throws {
    let two = try representationFields([("Accept-Encoding", "gzip;q=0.5"), ("accept-encoding", "br")])
    #expect(two.acceptedCodings?.weight(of: .gzip) == 500)
    #expect(two.acceptedCodings?.weight(of: .brotli) == 1000)
    #expect(try representationFields([]).acceptedCodings == nil)
    #expect(try representationFields([("Accept-Encoding", "")]).acceptedCodings == AcceptedCodings())
}

@Test(
    arguments: [
        ("*/*", 1000, 1000), ("application/json", 1000, 0), ("text/html, */*;q=0.8", 800, 1000),
        ("application/*;q=0.5, text/*;q=0.4", 500, 400), ("Application/JSON;q=0.2, */*;q=0.1", 200, 100), ("", 0, 0),
        ("application/json;q=0, */*", 0, 1000), ("nonsense", 0, 0),
    ] as [(String, UInt16, UInt16)])
func `a media type is weighed by what says most about it`(field: String, json: UInt16, html: UInt16) {
    #expect(AcceptedTypes(field).weight(of: "application/json") == json)
    #expect(AcceptedTypes(field).weight(of: "text/html") == html)
}

@Test(
    arguments: [
        ("*/*", "text/plain"), ("text/*", "text/plain"), ("application/json, text/html", "application/json"),
        ("text/html, application/json", "text/html"), ("application/json, */*", "application/json"),
        ("text/html;q=0.5, application/json;q=0.9", "application/json"), ("text/plain;q=0, */*;q=0.1", "text/html"),
        ("image/png", nil), ("", nil),
    ] as [(String, String?)])
func `of media types that are all the same to a client the one that it names first is best`(
    field: String, best: String?
) {
    #expect(AcceptedTypes(field).best(of: ["text/plain", "text/html", "application/json"]) == best)
}
