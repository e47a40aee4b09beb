import TestSupport
import Testing

@testable import IgropyrTransport

private let keys = ["shop", "blog"].map {
    PreSharedKey.worker(of: $0, fromClusterKey: [UInt8](repeating: 7, count: 32))
}
private let secret = String(repeating: "5e", count: 32)

/// Lines, and which of them is named as the one that is wrong.
private let damaged: [(text: String, told: String)] = [
    ("", "0 lines"),
    (String(repeating: "199314dc52934914 \(secret)\n", count: 65), "65 lines"),
    ("199314dc52934914 \(secret)\n199314dc52934914\n", "line 2"),
    ("199314dc52934914  \(secret)\n", "line 1"),
    ("199314dc5293491g \(secret)\n", "line 1"),
    ("199314dc52934914 \(secret)0\n", "line 1"),
    ("199314dc52934914 \(secret.dropLast())é\n", "line 1"),
    ("199314dc52934914 \(secret) \n", "line 1"),
]

@Suite struct `A file of keys` {
    @Test func `is read as it was written`() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("keys", String(decoding: PreSharedKeyFile.bytes(keys), as: UTF8.self))
        let read = try PreSharedKeyFile.keys(at: path)
        #expect(read.map(\.name) == keys.map(\.name))
        #expect(read.map(\.secret) == keys.map(\.secret))
    }

    @Test(arguments: damaged) func `is of no use if any line is damaged, and the error tells no secret`(
        text: String, told: String
    ) throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("keys", text)
        let error = #expect(throws: TLSError.self) { try PreSharedKeyFile.keys(at: path) }
        #expect(error?.code == .unusableFile)
        let message = error?.description ?? ""
        #expect(message.contains(path) && message.contains(told) && !message.contains("5e5e"), "\(message)")
    }

    @Test func `that is not there is named`() {
        let error = #expect(throws: TLSError.self) { try PreSharedKeyFile.keys(at: "/nowhere/keys") }
        #expect(error?.description.contains("/nowhere/keys") == true)
    }
}
