import IgropyrHTTP
import Testing

@Test(
    arguments: [
        ("\"a\"", "a", false), ("W/\"a\"", "a", true), ("\"\"", "", false), ("\"a,b\"", "a,b", false),
        ("\"W/\"", "W/", false), ("a", nil, false), ("\"a", nil, false), ("a\"", nil, false), ("w/\"a\"", nil, false),
        ("\"a\"b", nil, false), ("\"a b\"", nil, false), ("W/ \"a\"", nil, false), ("\"a\"\"", nil, false),
        ("", nil, false),
        ("W/", nil, false), ("\"", nil, false), ("*", nil, false),
    ] as [(String, String?, Bool)])
func `an entity tag is read strictly, and written as it was`(text: String, opaque: String?, isWeak: Bool) {
    let tag = EntityTag(parsing: text)
    #expect(tag?.opaque == opaque)
    if let tag {
        #expect(tag.isWeak == isWeak)
        #expect(tag.description == text)
    }
}

@Test func `what may not stand in a tag is escaped, and no two names become the same`() {
    #expect(EntityTag("a\" \n%\u{e9}").description == "\"a%22%20%0A%25%C3%A9\"")
    #expect(EntityTag("%20") != EntityTag(" "))
}

/// RFC 9110 §8.8.3.2.
@Test(
    arguments: [
        ("W/\"1\"", "W/\"1\"", false, true), ("W/\"1\"", "W/\"2\"", false, false), ("W/\"1\"", "\"1\"", false, true),
        ("\"1\"", "\"1\"", true, true),
    ] as [(String, String, Bool, Bool)])
func `tags compare strongly and weakly`(left: String, right: String, strongly: Bool, weakly: Bool) throws {
    let (left, right) = (try #require(EntityTag(parsing: left)), try #require(EntityTag(parsing: right)))
    #expect(left.matchesStrongly(right) == strongly && right.matchesStrongly(left) == strongly)
    #expect(left.matchesWeakly(right) == weakly && right.matchesWeakly(left) == weakly)
}

private let old = "Sun, 06 Nov 1994 08:49:36 GMT"
private let date = "Sun, 06 Nov 1994 08:49:37 GMT"
private let late = "Sun, 06 Nov 1994 08:49:38 GMT"

/// What the request says, its method, and the outcome for a version with the tag "v" of `date`.
private let conditions: [(fields: [(String, String)], method: String, outcome: Preconditions.Outcome)] = [
    ([], "GET", .proceed),
    ([("If-Match", "\"v\"")], "PUT", .proceed),
    ([("If-Match", "\"x\", \"v\"")], "PUT", .proceed),
    ([("If-Match", "\"x\""), ("If-Match", "\"v\"")], "PUT", .proceed),
    ([("If-Match", "*")], "PUT", .proceed),
    ([("If-Match", "W/\"v\"")], "PUT", .failed),
    ([("If-Match", "\"x\"")], "PUT", .failed),
    ([("If-Match", "\"x\"")], "GET", .failed),
    ([("If-Match", "v")], "PUT", .failed),
    ([("If-Match", "")], "PUT", .failed),
    ([("If-Match", "\"x\"")], "OPTIONS", .proceed),
    ([("If-Unmodified-Since", date)], "PUT", .proceed),
    ([("If-Unmodified-Since", late)], "PUT", .proceed),
    ([("If-Unmodified-Since", old)], "PUT", .failed),
    ([("If-Unmodified-Since", old)], "GET", .failed),
    ([("If-Unmodified-Since", "soon")], "PUT", .proceed),
    ([("If-Unmodified-Since", old), ("If-Unmodified-Since", old)], "PUT", .proceed),
    // If-Match goes before If-Unmodified-Since.
    ([("If-Match", "\"v\""), ("If-Unmodified-Since", old)], "PUT", .proceed),
    ([("If-Match", "\"x\""), ("If-Unmodified-Since", late)], "PUT", .failed),
    ([("If-None-Match", "\"v\"")], "GET", .notModified),
    ([("If-None-Match", "\"v\"")], "HEAD", .notModified),
    ([("If-None-Match", "W/\"v\"")], "GET", .notModified),
    ([("If-None-Match", "\"a,\" ,, \"v\"")], "GET", .notModified),
    ([("If-None-Match", "nonsense, \"v\"")], "GET", .notModified),
    ([("If-None-Match", "\"x\""), ("If-None-Match", "\"v\"")], "GET", .notModified),
    ([("If-None-Match", "*")], "GET", .notModified),
    ([("If-None-Match", "\"v\"")], "PUT", .failed),
    ([("If-None-Match", "*")], "PUT", .failed),
    ([("If-None-Match", "\"x\"")], "GET", .proceed),
    ([("If-None-Match", "\"v\"x")], "GET", .proceed),
    ([("If-None-Match", "\"vv\"")], "GET", .proceed),
    ([("If-Modified-Since", date)], "GET", .notModified),
    ([("If-Modified-Since", date)], "HEAD", .notModified),
    ([("If-Modified-Since", late)], "GET", .notModified),
    ([("If-Modified-Since", old)], "GET", .proceed),
    ([("If-Modified-Since", date)], "POST", .proceed),
    ([("If-Modified-Since", "soon")], "GET", .proceed),
    ([("If-Modified-Since", date), ("If-Modified-Since", date)], "GET", .proceed),
    // If-None-Match goes before If-Modified-Since.
    ([("If-None-Match", "\"x\""), ("If-Modified-Since", date)], "GET", .proceed),
    ([("If-None-Match", "\"v\""), ("If-Modified-Since", old)], "GET", .notModified),
    // A condition of the first two steps that holds leaves the others to be looked at.
    ([("If-Match", "\"v\""), ("If-None-Match", "\"v\"")], "GET", .notModified),
    ([("If-Match", "\"x\""), ("If-None-Match", "\"v\"")], "GET", .failed),
]

@Test(arguments: conditions.indices) func `conditions are weighed in the order of RFC 9110`(row: Int) throws {
    let (fields, method, outcome) = conditions[row]
    let validators = Validators(entityTag: EntityTag("v"), lastModified: HTTPDate(date))
    let preconditions = try representationFields(fields, method: method).preconditions
    #expect(preconditions.evaluate(HTTPMethod(method), validators) == outcome, "\(fields)")
}

@Test(
    arguments: [
        ("If-Match", "*", .failed), ("If-Match", "\"v\"", .failed), ("If-None-Match", "*", .proceed),
        ("If-None-Match", "\"v\"", .proceed), ("If-Unmodified-Since", old, .proceed),
        ("If-Modified-Since", date, .proceed),
    ] as [(String, String, Preconditions.Outcome)])
func `nothing that is there matches no tag, and has no date`(
    name: String, value: String, outcome: Preconditions.Outcome
) throws {
    let preconditions = try representationFields([(name, value)], method: "PUT").preconditions
    #expect(preconditions.evaluate(.put, nil) == outcome)
}

@Test func `a version without a validator fails what asks for it, and ignores dates`() throws {
    let tags = try representationFields([("If-Match", "\"v\"")]).preconditions
    #expect(tags.evaluate(.get, Validators()) == .failed)
    let dates = try representationFields([("If-Unmodified-Since", old), ("If-Modified-Since", date)]).preconditions
    #expect(dates.evaluate(.get, Validators(entityTag: EntityTag("v"))) == .proceed)
}

@Test(
    arguments: [
        (nil, true), ("\"v\"", true), ("W/\"v\"", false), ("\"x\"", false), ("*", false), ("nonsense", false),
        (date, true), (old, false), (late, false),
    ] as [(String?, Bool)])
func `a range is of the version that If-Range names, exactly`(value: String?, isAllowed: Bool) throws {
    let validators = Validators(entityTag: EntityTag("v"), lastModified: HTTPDate(date))
    let preconditions = try representationFields(value.map { [("If-Range", $0)] } ?? []).preconditions
    #expect(preconditions.allowsRange(validators, now: 784_111_777 + 60) == isAllowed)
}

@Test func `If-Range needs a strong validator, and comes once`() throws {
    let byTag = try representationFields([("If-Range", "\"v\"")]).preconditions
    #expect(!byTag.allowsRange(Validators(entityTag: EntityTag("v", isWeak: true)), now: 0))
    #expect(!byTag.allowsRange(Validators(), now: 0))
    let byDate = try representationFields([("If-Range", date)]).preconditions
    #expect(!byDate.allowsRange(Validators(lastModified: HTTPDate(date)), now: 784_111_777))
    let twice = try representationFields([("If-Range", "\"v\""), ("If-Range", "\"v\"")]).preconditions
    #expect(!twice.allowsRange(Validators(entityTag: EntityTag("v")), now: 0))
}

@Test func `Range counts only if it comes once`() throws {
    #expect(try representationFields([("Range", "bytes=0-1")]).range == "bytes=0-1")
    #expect(try representationFields([("Range", "bytes=0-1"), ("Range", "bytes=0-1")]).range == nil)
    #expect(try representationFields([]).range == nil)
}

func representationFields(_ fields: [(String, String)], method: String = "GET") throws -> RepresentationFields {
    let lines = fields.map { "\($0.0): \($0.1)\r\n" }.joined()
    let bytes = "\(method) / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n".bytes
    var parser = HTTPParser.requests()
    guard case .head = try parser.next(in: bytes.span.bytes) else { throw HTTPError.truncated }
    return RepresentationFields(parser.head, in: bytes.span.bytes)
}
