import Testing

@testable import IgropyrCluster

@Suite struct `A cluster key` {
    let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    @Test func `that was generated reads back`() throws {
        var generator = SystemRandomNumberGenerator()
        let key = ClusterKey.generate(using: &generator)
        #expect(key.bytes.count == 32 && key != ClusterKey.generate(using: &generator))
        for text in [key.base64, "\(key.base64)\n", " \(key.base64)\r\n\n"] {
            try folder.write(text, to: "key", permissions: 0o600)
            #expect(try ClusterKey(fileAt: folder("key")) == key)
        }
        #expect("\(key)" == "ClusterKey(…)")
    }

    @Test(arguments: [16, 24, 32]) func `may have any length of AES`(count: Int) throws {
        let key = try #require(ClusterKey(bytes: Array(0..<UInt8(count))))
        try folder.write(key.base64, to: "key", permissions: 0o600)
        #expect(try ClusterKey(fileAt: folder("key")).bytes == key.bytes)
    }

    @Test func `that is of no use is refused with its path and what to do`() throws {
        let path = folder("key")
        let rows: [(text: String?, error: ClusterKeyError)] = [
            (nil, .missing(path: path)),
            ("", .wrongLength(path: path, byteCount: 0)),
            ("c2hvcnQ=", .wrongLength(path: path, byteCount: 5)),
            ("not base64!", .notBase64(path: path)),
            (String(repeating: "A", count: 43), .notBase64(path: path)),
            (String(repeating: "A", count: 5000), .file(FileError("read", path, errorNumber: 27))),  // EFBIG
        ]
        for (text, error) in rows {
            if let text { try folder.write(text, to: "key", permissions: 0o600) }
            let thrown = #expect(throws: ClusterKeyError.self) { try ClusterKey(fileAt: path) }
            #expect(thrown == error && thrown?.description.contains(path) == true)
        }
    }

    @Test(arguments: [(0o600, false), (0o400, false), (0o640, true), (0o604, true)])
    func `warns when others may read its file`(permissions: Int, warns: Bool) throws {
        try folder.write(String(repeating: "A", count: 42) + "A=", to: "key", permissions: UInt32(permissions))
        try folder.link("link", to: "key")
        for path in [folder("key"), folder("link")] {
            var warnings: [String] = []
            _ = try ClusterKey(fileAt: path) { warnings.append($0) }
            #expect(warnings.count == (warns ? 1 : 0) && warnings.allSatisfy { $0.contains("chmod 600 \(path)") })
        }
    }
}
