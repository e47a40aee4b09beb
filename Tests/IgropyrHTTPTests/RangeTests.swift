import IgropyrHTTP
import TestSupport
import Testing

/// Of a representation of 1000 bytes.
private let ranges: [(field: String, selection: ByteRangeSet)] = [
    ("bytes=0-0", .parts([0..<1])),
    ("bytes=0-999", .parts([0..<1000])),
    ("bytes=0-", .parts([0..<1000])),
    ("bytes=999-", .parts([999..<1000])),
    ("bytes=10-19", .parts([10..<20])),
    ("bytes=990-99999999999999999999", .parts([990..<1000])),
    ("bytes=-1", .parts([999..<1000])),
    ("bytes=-1000", .parts([0..<1000])),
    ("bytes=-99999999999999999999", .parts([0..<1000])),
    ("BYTES=0-0", .parts([0..<1])),
    ("bytes= 0-0 ", .parts([0..<1])),
    ("bytes=,,0-0,", .parts([0..<1])),
    ("bytes=00000000000000000000000-0", .parts([0..<1])),
    // Several.
    ("bytes=0-9,500-509", .parts([0..<10, 500..<510])),
    ("bytes=500-509, 0-9", .parts([500..<510, 0..<10])),
    ("bytes=0-9,-10", .parts([0..<10, 990..<1000])),
    ("bytes=0-9,2000-", .parts([0..<10])),
    ("bytes=0-9,5-14", .parts([0..<15])),
    ("bytes=0-9,10-19", .parts([0..<20])),
    ("bytes=0-9,89-99", .parts([0..<100])),
    ("bytes=0-9,90-99", .parts([0..<10, 90..<100])),
    ("bytes=500-509,0-9,505-514", .parts([500..<515, 0..<10])),
    ("bytes=300-309,0-9,250-299", .parts([250..<310, 0..<10])),
    ("bytes=0-899,100-199", .parts([0..<900])),
    // More than there is.
    ("bytes=0-,0-", .whole),
    ("bytes=0-999,0-0", .whole),
    ("bytes=0-599,300-899", .whole),
    (sixteen, .parts([0..<16])),
    (sixteen + ",16-16", .whole),
    // None within.
    ("bytes=1000-", .unsatisfiable),
    ("bytes=1000-1001", .unsatisfiable),
    ("bytes=99999999999999999999-", .unsatisfiable),
    ("bytes=-0", .unsatisfiable),
    ("bytes=1000-,-0", .unsatisfiable),
    // No ranges.
    ("bytes=", .whole),
    ("bytes=,", .whole),
    ("bytes", .whole),
    ("bytes=-", .whole),
    ("bytes=a-b", .whole),
    ("bytes=1-0", .whole),
    ("bytes=+1-2", .whole),
    ("bytes=1--2", .whole),
    ("bytes=--2", .whole),
    ("bytes=1 -2", .whole),
    ("bytes=0x0-0x1", .whole),
    ("bytes=0-0,x", .whole),
    ("bytes=0-0;1-1", .whole),
    ("bytes 0-0", .whole),
    ("lines=0-0", .whole),
    ("bytes =0-0", .whole),
    ("", .whole),
]

private let sixteen = "bytes=" + (0..<16).map { "\($0)-\($0)" }.joined(separator: ",")

@Test(arguments: ranges) func `ranges are read strictly and answered in few parts`(
    field: String, selection: ByteRangeSet
) {
    #expect(ByteRangeSet(field, size: 1000) == selection)
}

/// RFC 9110 §14.1.2: a suffix of nothing is satisfiable, but no 206 can hold it.
@Test(
    arguments: [
        ("bytes=0-", .unsatisfiable), ("bytes=0-0", .unsatisfiable), ("bytes=-1", .whole), ("bytes=-0", .unsatisfiable),
        ("bytes=0-0,-1", .whole),
    ] as [(String, ByteRangeSet)])
func `an empty representation has no parts`(field: String, selection: ByteRangeSet) {
    #expect(ByteRangeSet(field, size: 0) == selection)
}

@Test func `no field makes parts that overlap, are empty or lie outside`() {
    var random = SplitMix(seed: 42)
    let symbols = Array("0123456789-,- =b")
    for _ in 0..<20_000 {
        let size = Int.random(in: 0...300, using: &random)
        let length = Int.random(in: 0...24, using: &random)
        let field = "bytes=" + String((0..<length).map { _ in symbols.randomElement(using: &random)! })
        guard case .parts(let parts) = ByteRangeSet(field, size: size) else { continue }
        #expect(!parts.isEmpty && parts.allSatisfy { !$0.isEmpty && $0.lowerBound >= 0 && $0.upperBound <= size })
        let sorted = parts.sorted { $0.lowerBound < $1.lowerBound }
        #expect(zip(sorted, sorted.dropFirst()).allSatisfy { $0.upperBound < $1.lowerBound }, "\(field) of \(size)")
    }
}

@Test func `several parts are one body of the length that was announced`() {
    let content = (0..<100).map { "\($0 % 10)" }.joined()
    let multipart = MultipartByteRanges([0..<3, 98..<100], size: 100, contentType: "text/plain", boundary: "b")
    let body =
        multipart.sections.map { head, range in
            head + content.dropFirst(range.lowerBound).prefix(range.count)
        }.joined() + multipart.closing
    let expected = """
        --b\r
        Content-Type: text/plain\r
        Content-Range: bytes 0-2/100\r
        \r
        012\r
        --b\r
        Content-Type: text/plain\r
        Content-Range: bytes 98-99/100\r
        \r
        89\r
        --b--\r

        """
    #expect(body == expected)
    #expect(body.utf8.count == multipart.byteCount)
    #expect(multipart.contentType == "multipart/byteranges; boundary=b")
}
