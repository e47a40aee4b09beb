import Glibc
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

    @Test func `is not looked for in a folder`() {
        let thrown = #expect(throws: ClusterKeyError.self) { try ClusterKey(fileAt: folder.path) }
        #expect(thrown?.description.hasSuffix("Is a directory; it wants a file: name one in that folder") == true)
    }

    private static let modes: [(permissions: UInt32, owner: UInt32, warns: Bool)] = [
        (0o600, nobody, false), (0o400, nobody, false), (0o640, nobody, true), (0o604, nobody, true),
        (0o600, 0, false), (0o440, 0, false), (0o640, 0, false), (0o660, 0, true), (0o644, 0, true),
    ]
    private static let nobody: UInt32 = 65_534

    /// Without root's rights every file belongs to somebody else.
    @Test(arguments: modes.filter { $0.owner != 0 || geteuid() == 0 })
    func `warns when others may read its file, other than a group that root lets`(
        permissions: UInt32, owner: UInt32, warns: Bool
    ) throws {
        try folder.write(String(repeating: "A", count: 42) + "A=", to: "key", permissions: permissions)
        if geteuid() == 0 { #expect(chown(folder("key"), owner, owner) == 0) }
        try folder.link("link", to: "key")
        for path in [folder("key"), folder("link")] {
            var warnings: [String] = []
            _ = try ClusterKey(fileAt: path) { warnings.append($0) }
            #expect(warnings.count == (warns ? 1 : 0) && warnings.allSatisfy { $0.contains("chmod 600 \(path)") })
        }
    }
}
