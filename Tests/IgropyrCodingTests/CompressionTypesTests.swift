import IgropyrCoding
import Testing

private let types: [(type: String, isCovered: Bool)] = [
    ("text/html", true), ("text/html; charset=utf-8", true), ("text/html;charset=utf-8", true), ("text", false),
    ("application/json", true), ("application/json5", false), ("application/jso", false),
    ("application/problem+json", true), ("application/problem+jsonp", false), ("json", false), ("", false),
    ("image/png", false), ("text/event-stream", false), ("text/event-stream; a=b", false),
]

@Suite struct CompressionTypesTests {
    @Test(arguments: types) func `a type is worth it by its name, its kind or its end`(type: String, isCovered: Bool) {
        #expect(Compression().covers(type) == isCovered)
    }

    @Test func `a stream of events is covered by its name alone`() {
        var compression = Compression()
        compression.types = ["*", "text/*"]
        #expect(compression.covers("image/png") && !compression.covers("text/event-stream"))
        compression.types.append("text/event-stream")
        #expect(compression.covers("text/event-stream"))
    }
}
