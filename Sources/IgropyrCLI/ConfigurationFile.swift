import Foundation

enum ConfigurationFile {
    /// What a configuration may have.
    private static let limitBytes = 1 << 20

    /// The file's bytes; of a longer one the first that are too many, for the reader to say so. `name` is how messages
    /// call it.
    static func bytes(of path: String, called name: String) throws -> [UInt8] {
        guard let file = FileHandle(forReadingAtPath: path) else {
            throw CommandFailure("\(name): cannot be opened; is it there, and may this user read it?")
        }
        guard let bytes = try? file.read(upToCount: limitBytes + 1) ?? Data() else {
            throw CommandFailure("\(name): cannot be read; is it a file?")
        }
        return Array(bytes)
    }
}
