import Foundation

/// How a command ended, and what it printed.
public struct CommandOutcome: Sendable {
    public var status: Int32
    public var output: String
    public var errors: String
}

/// Runs a command, found on the `PATH`, to its end, without holding up the thread that asks.
public func run(_ command: [String], input: String = "", in folder: String? = nil) async throws -> CommandOutcome {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    if let folder { process.currentDirectoryURL = URL(fileURLWithPath: folder) }
    let (standardInput, output, errors) = (Pipe(), Pipe(), Pipe())
    process.standardInput = standardInput
    process.standardOutput = output
    process.standardError = errors
    async let outputText = text(of: output)
    async let errorText = text(of: errors)
    try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        process.terminationHandler = { _ in continuation.resume() }
        do {
            try process.run()
        } catch {
            return continuation.resume(throwing: error)
        }
        try? standardInput.fileHandleForWriting.write(contentsOf: Data(input.utf8))
        try? standardInput.fileHandleForWriting.close()
    }
    return CommandOutcome(status: process.terminationStatus, output: await outputText, errors: await errorText)
}

private func text(of pipe: Pipe) async -> String {
    await withCheckedContinuation { continuation in
        DispatchQueue.global().async {
            let data = (try? pipe.fileHandleForReading.readToEnd()) ?? Data()
            continuation.resume(returning: String(decoding: data, as: UTF8.self))
        }
    }
}

/// A folder for the files of one test; removed when nobody refers to it any more.
public final class TemporaryFolder: Sendable {
    public let path: String

    public init() throws {
        path = "/tmp/igropyr-test-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes a file that its owner alone may read, unless `mode` says otherwise.
    @discardableResult
    public func write(_ name: String, _ text: String, mode: Int = 0o600) throws -> String {
        let file = "\(path)/\(name)"
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
        return file
    }

    public func read(_ name: String) throws -> String {
        try String(contentsOfFile: "\(path)/\(name)", encoding: .utf8)
    }
}
