import Foundation
import Igropyr

/// A file that is being uploaded, by one piece after the other.
struct StoredFile: Sendable {
    let name: String
    private let handle: FileHandle

    /// Chooses the name itself: that of the client could be any file's.
    init(in folder: URL) throws {
        name = UUID().uuidString
        let url = folder.appendingPathComponent(name)
        guard FileManager.default.createFile(atPath: url.path, contents: nil) else {
            throw HTTPFailure(.serviceUnavailable, "The file cannot be stored.")
        }
        handle = try FileHandle(forWritingTo: url)
    }

    func append(_ bytes: [UInt8]) async throws {
        try await offload { [handle] in try handle.write(contentsOf: Data(bytes)) }
    }

    func close() throws { try handle.close() }
}
