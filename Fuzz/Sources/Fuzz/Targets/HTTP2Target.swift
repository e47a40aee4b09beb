/// What a client sends in HTTP/2 behind its preface: frames.
enum HTTP2Target: FuzzTarget {
    static let name = "http2"
    private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    static func run(_ input: [UInt8]) {
        let answer = FuzzServer.shared.exchange(preface + input)
        var start = 0
        while answer.count - start >= 9 {
            let count = answer[start..<(start + 3)].reduce(0) { $0 << 8 | Int($1) }
            require(start > 0 || answer[3] == 4, "the first frame is no SETTINGS")
            require(count <= 1 << 14, "a frame is larger than the client takes")
            start += 9 + count
        }
    }
}
