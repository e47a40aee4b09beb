internal import IgropyrUV

/// Writes what arrives from a peer to a new file, on the thread pool, and holds the peer back while much is waiting.
///
/// Stays on its loop. The file is the caller's to remove, whatever comes of it.
final class FileSink {
    /// More than this, and ``onPause`` is called; the peer may still send what is on its way.
    private static let highWaterBytes = 1 << 20

    let path: String
    private let loop: EventLoop
    private let limitBytes: Int64
    private var file: SharedFile?
    private var isClosed = false
    private var waiting: [UInt8] = []
    private var isWriting = false
    private var isPaused = false
    private var receivedBytes: Int64 = 0
    private var failure: FileSinkError?
    private var completion: ((FileSinkError?) -> Void)?

    var onPause: () -> Void = {}
    var onResume: () -> Void = {}

    init(to path: String, limitBytes: Int64, on loop: EventLoop) {
        self.path = path
        self.limitBytes = limitBytes
        self.loop = loop
    }

    /// After an error, which ``finish(_:)`` tells, more is dropped.
    func append(_ bytes: RawSpan) {
        receivedBytes += Int64(bytes.byteCount)
        guard failure == nil else { return }
        guard receivedBytes <= limitBytes else { return failure = .tooLarge(limitBytes: limitBytes) }
        unsafe bytes.withUnsafeBytes { unsafe waiting.append(contentsOf: $0) }
        if waiting.count > Self.highWaterBytes, !isPaused {
            isPaused = true
            onPause()
        }
        writeOn()
    }

    /// Closes the file and calls `completion` once all is with the file system, or has failed.
    func finish(_ completion: @escaping (FileSinkError?) -> Void) {
        self.completion = completion
        writeOn()
    }

    private func writeOn() {
        guard !isWriting else { return }
        guard failure == nil, !isClosed, !waiting.isEmpty || file == nil else { return end() }
        isWriting = true
        let bytes = waiting
        waiting = []
        loop.startLocally { [self] in
            await write(bytes)
            isWriting = false
            if isPaused {
                isPaused = false
                onResume()
            }
            writeOn()
        }
    }

    private func write(_ bytes: [UInt8]) async {
        let (present, path) = (file, path)
        do throws(FileError) {
            file = try await loop.offload { () throws(FileError) in
                let file =
                    if let present { present } else {
                        SharedFile(try OpenFile(path, .createNew(permissions: 0o600)))
                    }
                try unsafe file.file.write(bytes.span.bytes)
                return file
            }
        } catch { failure = .file(error) }
    }

    private func end() {
        guard let completion else { return }
        self.completion = nil
        isClosed = true
        file = nil
        completion(failure)
    }
}

enum FileSinkError: Error {
    case file(FileError)
    case tooLarge(limitBytes: Int64)
}
