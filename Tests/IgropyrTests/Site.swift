import Foundation
import IgropyrUV
import Testing

/// A folder of files, for the length of a test. They were changed last on 6 November 1994, long ago.
struct Site: Sendable {
    static let date = "Sun, 06 Nov 1994 08:49:37 GMT"
    static let large = String(repeating: "0123456789abcdef", count: 300_000)
    static let text = (0..<500).map { "line \($0 * 7919 % 10_007)\n" }.joined()
    static let big = (0..<30_000).map { "line \($0 * 7919 % 10_007)\n" }.joined()

    /// Where the site's files are; `root` has it, and what is not of the site.
    var path: String { root + "/site" }
    let root: String

    static func with(_ body: (Site) async throws -> Void) async throws {
        let root = FileManager.default.temporaryDirectory.path + "/igropyr-files-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: root + "/site/folder", withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: root) }
        let site = Site(root: root)
        try site.write("index.html", "<p>index")
        try site.write("a b.txt", "text")
        try site.write("folder/index.html", "<p>folder")
        try site.write(".secret", "secret")
        try site.write("large.bin", large)
        try site.write("empty", "")
        try site.write("../outside.txt", "outside")
        try await body(site)
    }

    func write(_ name: String, _ text: String, modified: Double = 784_111_777) throws {
        let file = path + "/" + name
        let folder = String(file[..<(file.lastIndex(of: "/") ?? file.endIndex)])
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(filePath: file))
        let date = Date(timeIntervalSince1970: modified)
        try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: file)
    }

    func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: path + "/" + name) }

    func link(_ name: String, to target: String) throws {
        try FileManager.default.createSymbolicLink(atPath: path + "/" + name, withDestinationPath: target)
    }
}
