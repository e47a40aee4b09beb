internal import HTTPTypes
internal import IgropyrTransport

/// A request's body that is sent as it comes.
struct HTTPClientUpload: Sendable {
    private let side: HTTPClientSide
    /// Touched on its loop only.
    @safe nonisolated(unsafe) let stream: HTTPUploadStream

    init(_ stream: HTTPUploadStream, of side: HTTPClientSide) {
        self.stream = stream
        self.side = side
    }

    /// Sends what `pieces` give, at the server's pace, until their end or that of the response; then what `trailers`
    /// are.
    /// - Throws: ``HTTPRequestFailure`` if they do not add up to `length`; `CancellationError`; what `pieces` throw.
    func send<Pieces: AsyncSequence>(
        _ pieces: Pieces, _ length: Int?, to url: ServerURL, trailers: () -> HTTPFields = { [:] }
    ) async throws where Pieces.Element == [UInt8] {
        var rest = length
        for try await piece in pieces {
            if let left = rest {
                guard piece.count <= left else { throw Self.mismatch(url, "has more", length) }
                rest = left - piece.count
            }
            guard try await side.write(piece, to: self) else { return }
        }
        if let rest, rest > 0 { throw Self.mismatch(url, "has fewer", length) }
        try await side.end(self, trailers())
    }

    private static func mismatch(_ url: ServerURL, _ what: String, _ length: Int?) -> HTTPRequestFailure {
        let reason = "its body \(what) bytes than the \(length ?? 0) of its length"
        return HTTPRequestFailure(url.told, .invalidRequest(reason), mayHaveBeenReceived: true)
    }
}
