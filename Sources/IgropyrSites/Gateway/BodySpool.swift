internal import Igropyr
internal import IgropyrUV
internal import Logging

/// What of a request's body is too much to be held, in a temporary file; stays on its loop.
final class BodySpool {
    private static let pieceBytes = 64 << 10

    private let loop: EventLoop
    private let file: TemporaryFile
    /// Bytes in it.
    private(set) var count = 0

    /// - Throws: ``HTTPFailure`` 500, which the log explains.
    init(for call: FileRequest) async throws {
        loop = call.loop
        file = try await Self.explained(call) {
            try await call.loop.offload { () throws(UVError) in try TemporaryFile() }
        }
    }

    deinit { loop.offloadAndGoOn { [file] in file.empty() } }

    /// - Throws: as ``init(for:)``.
    func append(_ bytes: [UInt8], of call: FileRequest) async throws {
        try await Self.explained(call) { [loop, file] in
            try await loop.offload { () throws(UVError) in try file.append(bytes) }
        }
        count += bytes.count
    }

    private static func explained<Result>(
        _ call: FileRequest, _ body: () async throws -> Result
    ) async throws -> Result {
        do {
            return try await body()
        } catch let error as UVError {
            call.log.error(
                "a request's body cannot be kept in a temporary file: is there room in the folder that TMPDIR names?",
                metadata: ["folder": "\(TemporaryFile.folder)", "reason": "\(error.reason)"])
            throw HTTPFailure(.internalServerError)
        }
    }

    /// All of it, from its beginning.
    func forEachPiece(_ body: ([UInt8]) async throws -> Void) async throws {
        var offset = 0
        while offset < count {
            let (file, start) = (file, offset)
            let piece = try await loop.offload { () throws(UVError) in
                try file.read(at: start, count: Self.pieceBytes)
            }
            try await body(piece)
            offset += piece.count
        }
    }
}
