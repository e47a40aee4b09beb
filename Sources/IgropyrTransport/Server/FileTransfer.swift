public import IgropyrUV

/// Sends a part of a file as the body of a response whose head announced just as many bytes.
///
/// The kernel copies from its cache to the socket (`sendfile`) as far as the client takes it. Where it takes no more,
/// or TLS is between, one piece is read and queued, and the client's taking it says when to go on. A file that is not
/// in the kernel's cache makes the loop wait for the disk.
public final class FileTransfer {
    /// Read and queued at once where the kernel cannot send the file by itself.
    private static let pieceBytes = 64 << 10
    /// Queued when the socket is full, so that the connection says when the client has taken it: the rest need not be
    /// copied.
    private static let markBytes = 4 << 10
    /// Sent before other connections get their turn.
    private static let turnBytes = 1 << 20

    private let file: OpenFile
    private var range: Range<Int>
    private let connection: any HTTPServerStream
    private var isOver = false
    public private(set) var sentBytes = 0
    /// Called once all was handed to the connection, or when it is cut.
    public var onEnd: (() -> Void)?

    public init(_ file: OpenFile, range: Range<Int>, on connection: any HTTPServerStream) {
        self.file = file
        self.range = range
        self.connection = connection
    }

    /// Begins, or goes on: call it from ``HTTPServerExchange/responseDidDrain()``. Ends the response itself; a file
    /// that cannot be read, or has become shorter, cuts the connection.
    public func goOn() {
        var turn = Self.turnBytes
        do throws(UVError) {
            while !isOver, !range.isEmpty, !connection.isWaitingForClient {
                guard turn > 0 else { return connection.loop.submitForNextTurn { [self] in goOn() } }
                let sent = try sendOnce()
                guard sent > 0 else { return abort() }
                turn -= sent
                sentBytes += sent
                range = (range.lowerBound + sent)..<range.upperBound
            }
        } catch {
            return abort()
        }
        guard !isOver, range.isEmpty else { return }
        end()
        connection.endResponse()
    }

    /// The client is gone.
    public func cancel() { isOver = true }

    private func abort() {
        end()
        connection.abort()
    }

    private func end() {
        isOver = true
        let onEnd = onEnd
        self.onEnd = nil
        onEnd?()
    }

    private func sendOnce() throws(UVError) -> Int {
        let count = min(range.count, Self.turnBytes)
        let offset = Int64(range.lowerBound)
        let sent = try connection.sendFilePart(file.descriptor, offset: offset, count: count)
        if let sent, sent > 0 { return sent }
        let most = sent == nil ? Self.pieceBytes : Self.markBytes
        let piece = try file.read(at: range.lowerBound, count: min(count, most))
        unsafe connection.sendBody(piece.span.bytes)
        return piece.count
    }
}
