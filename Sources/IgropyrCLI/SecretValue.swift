import Foundation

enum SecretValue {
    private static let limitBytes = 16 << 10

    /// From a file, or the standard input if it is called `-`.
    static func reading(_ path: String, isExact: Bool = false) throws -> [UInt8] {
        let file = path == "-" ? FileHandle.standardInput : FileHandle(forReadingAtPath: path)
        guard let file else {
            throw CommandFailure("\(path) cannot be opened; is it there, and may this user read it?")
        }
        var value = Data()
        while let piece = try file.read(upToCount: limitBytes + 1 - value.count), !piece.isEmpty { value += piece }
        guard value.count <= limitBytes else {
            throw CommandFailure("\(path == "-" ? "the value" : path) has more than \(limitBytes) bytes")
        }
        if !isExact, value.last == UInt8(ascii: "\n") { value.removeLast() }
        return Array(value)
    }
}
