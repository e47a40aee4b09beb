import FoundationEssentials
import Glibc
import IgropyrCoding
import IgropyrHTTP
import Testing

@Suite(.timeLimit(.minutes(5))) struct ContentEncoderTests {
    private static let decoders: [(ContentCoding, String)] = [(.gzip, "gzip"), (.brotli, "brotli"), (.zstd, "zstd")]

    /// Words in an order that repeats itself here and there, as people write.
    private static let prose: [UInt8] = {
        let words = ["loop", "handle", "request", "member", "probe", "suspect", "ring", "point", "weight", "frame"]
        var number = 1
        let text = (0..<20_000).map { _ in
            number = number * 75 % 65_537
            return words[number % 7 * (number % 11 == 0 ? 1 : number % 3) % words.count]
        }
        return Array(text.joined(separator: " ").utf8)
    }()

    private static let text = Array((0..<20_000).map { "line \($0 * 7919 % 10_007)\n" }.joined().utf8)

    @Test(arguments: decoders) func `what is encoded, however it is cut, another program decodes`(
        coding: ContentCoding, program: String
    ) throws {
        for step in [text.count, 10_000, 777] {
            for operation in [ContentEncoder.Operation.goOn, .flush] {
                let encoder = try #require(try ContentEncoder(coding))
                var encoded: [UInt8] = []
                for start in stride(from: 0, to: text.count, by: step) {
                    let piece = Array(text[start..<min(start + step, text.count)])
                    try encoder.encode(piece.span.bytes, operation, into: &encoded)
                }
                let none: [UInt8] = []
                try encoder.encode(none.span.bytes, .finish, into: &encoded)
                #expect(encoded.count < text.count)
                #expect(try Self.decode(encoded, by: program) == text, "\(step), \(operation)")
            }
        }
    }

    @Test(arguments: decoders) func `a whole body, an empty one too, is encoded in one call`(
        coding: ContentCoding, program: String
    ) throws {
        for body in [Self.text, [], [0]] {
            let encoded = try ContentEncoder.encode(body.span.bytes, coding)
            #expect(try Self.decode(encoded, by: program) == body)
        }
    }

    @Test(arguments: decoders) func `more work makes less of it, and what is beyond the scale counts as its end`(
        coding: ContentCoding, program: String
    ) throws {
        let (fast, slow) = (
            try ContentEncoder.encode(Self.prose.span.bytes, coding, quality: -100),
            try ContentEncoder.encode(Self.prose.span.bytes, coding, quality: 100)
        )
        #expect(slow.count < fast.count)
        #expect(try Self.decode(slow, by: program) == Self.prose)
    }

    @Test func `no coding has no encoder`() throws {
        #expect(try ContentEncoder(.identity) == nil)
        #expect(try ContentEncoder.encode(Self.text.span.bytes, .identity) == Self.text)
    }

    private var text: [UInt8] { Self.text }

    private static func decode(_ bytes: [UInt8], by program: String) throws -> [UInt8] {
        let file = FileManager.default.temporaryDirectory.path + "/igropyr-coded-\(UUID().uuidString)"
        try Data(bytes).write(to: URL(filePath: file))
        defer { for name in [file, file + ".out"] { try? FileManager.default.removeItem(atPath: name) } }
        #expect(system("\(program) -d -c <'\(file)' >'\(file).out'") == 0)
        return Array(try Data(contentsOf: URL(filePath: file + ".out")))
    }
}
