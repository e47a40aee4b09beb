internal import HTTPTypes
internal import IgropyrCoding
internal import IgropyrHTTP
internal import IgropyrUV

/// The answer to a request for a file that is there: which representation, whether at all, which part.
struct FileAnswer {
    /// Parts up to this size are read at once and go out in one write with the head.
    private static let smallBytes = 16 << 10

    private let request: Request
    private let fields: RepresentationFields
    private let found: FileShelf.Found
    private let shelf: FileShelf
    private let loop: EventLoop

    init(_ request: Request, _ found: FileShelf.Found, _ shelf: FileShelf, _ loop: EventLoop) {
        self.request = request
        self.found = found
        self.shelf = shelf
        self.loop = loop
        fields = request.representationFields
    }

    /// One of the representations that a file has.
    private enum Choice {
        /// The file itself, or a sibling.
        case stored(FileShelf.Found)
        case encoded(ContentCoding, Compression)
    }

    func response() throws(UVError) -> Response {
        guard let choice = try choose() else {
            return HTTPFailure(.notAcceptable).response.with(.vary, "Accept-Encoding")
        }
        switch choice {
        case .stored(let found): return try response(found)
        case .encoded(let coding, let compression): return encodedResponse(coding, compression)
        }
    }

    // MARK: Representation

    /// Nil if the client takes none.
    private func choose() throws(UVError) -> Choice? {
        // Without `Accept-Encoding` any coding would be acceptable, but programs that send none decode none.
        guard let accepted = fields.acceptedCodings else { return .stored(found) }
        guard found.file.isNegotiated else { return accepted.weight(of: .identity) > 0 ? .stored(found) : nil }
        var best: Choice?
        var bestWeight: UInt16 = 0
        for coding in shelf.serving.precompressed where accepted.weight(of: coding) > bestWeight {
            guard let sibling = try shelf.sibling(of: found, coding, now: loop.now) else { continue }
            (best, bestWeight) = (.stored(sibling), accepted.weight(of: coding))
        }
        for (coding, compression) in encodings(accepted) where accepted.weight(of: coding) > bestWeight {
            (best, bestWeight) = (.encoded(coding, compression), accepted.weight(of: coding))
        }
        if accepted.weight(of: .identity) > bestWeight { best = .stored(found) }
        return best
    }

    /// What compression may be made now. Not for a range: its bytes would be others each time.
    private func encodings(_ accepted: AcceptedCodings) -> [(ContentCoding, Compression)] {
        guard let compression = shelf.serving.compression, fields.range == nil else { return [] }
        let isWorthwhile =
            found.file.size >= compression.minimumBytes && found.file.size <= compression.maximumFileBytes
        guard isWorthwhile || accepted.weight(of: .identity) == 0 else { return [] }
        return compression.codings.filter { coding in
            found.file.encoded[coding] != nil || shelf.running < compression.streams
        }.map { ($0, compression) }
    }

    // MARK: Responses

    private func refusal(_ file: ServedFile, _ coding: ContentCoding, _ validators: Validators) -> Response? {
        switch fields.preconditions.evaluate(request.head.method, validators) {
        case .proceed: nil
        case .notModified: file.describe(Response(.notModified), as: coding, validators)
        case .failed: Response(.preconditionFailed)
        }
    }

    private func response(_ found: FileShelf.Found) throws(UVError) -> Response {
        let file = found.file
        if let refusal = refusal(file, file.coding, file.validators) { return refusal }
        let selection = ranges(file)
        switch selection {
        case .whole:
            guard let open = found.open else { return file.whole }
            return with(file.whole, try body(of: open, 0..<file.size))
        case .unsatisfiable:
            return Response(.rangeNotSatisfiable)
                .with(.contentRange, MultipartByteRanges.unsatisfiedRange(size: file.size))
        case .parts(let parts) where parts.count == 1:
            var response = file.whole
            response.status = .partialContent
            response.fields[.contentRange] = MultipartByteRanges.contentRange(parts[0], size: file.size)
            if let bytes = file.bytes { return with(response, .bytes(Array(bytes[parts[0]]))) }
            guard let open = found.open else { return response }
            return with(response, try body(of: open, parts[0]))
        case .parts(let parts): return multipart(found, parts)
        }
    }

    private func with(_ response: Response, _ body: Response.Body) -> Response {
        var response = response
        response.body = body
        return response
    }

    private func ranges(_ file: ServedFile) -> ByteRangeSet {
        guard let field = fields.range, request.head.method == .get,
            fields.preconditions.allowsRange(file.validators, now: EventLoop.secondsSince1970)
        else { return .whole }
        return ByteRangeSet(field, size: file.size, maximumCount: shelf.serving.maximumRanges)
    }

    private func body(of file: OpenFile, _ range: Range<Int>) throws(UVError) -> Response.Body {
        guard range.count <= Self.smallBytes, request.head.method != .head else { return .file(file, range) }
        let bytes = try file.read(at: range.lowerBound, count: range.count)
        return bytes.count == range.count ? .bytes(bytes) : .file(file, range)
    }

    private func multipart(_ found: FileShelf.Found, _ parts: [Range<Int>]) -> Response {
        let multipart = MultipartByteRanges(
            parts, size: found.file.size, contentType: found.file.contentType, boundary: Self.boundary())
        var response = found.file.whole
        response.status = .partialContent
        response.contentType = multipart.contentType
        response.streamLength = multipart.byteCount
        response.body = .stream { writer in
            for (head, range) in multipart.sections {
                try await writer.write(head)
                try await FilePieces(found, range).forEach { piece in try await writer.write(piece) }
            }
            try await writer.write(multipart.closing)
        }
        return response
    }

    private static func boundary() -> String {
        var random = SystemRandomNumberGenerator()
        return String(random.next() as UInt64, radix: 36) + String(random.next() as UInt64, radix: 36)
    }

    // MARK: Compression

    private func encodedResponse(_ coding: ContentCoding, _ compression: Compression) -> Response {
        let (file, validators) = (found.file, found.file.validators(encodedBy: coding))
        if let refusal = refusal(file, coding, validators) { return refusal }
        var response = file.describe(Response(.ok, file.contentType, .none), as: coding, validators)
        if shelf.serving.forbidsSniffing { response.fields[.xContentTypeOptions] = "nosniff" }
        if let encoded = file.encoded[coding] {
            response.body = .bytes(encoded)
        } else if let bytes = file.bytes, bytes.count <= Compression.inlineBytes,
            let encoded = compression.encode(bytes, coding)
        {
            shelf.keep(encoded, coding, of: found)
            response.body = .bytes(encoded)
        } else {
            let (found, shelf, loop) = (found, shelf, loop)
            response.body = .stream { writer in
                try await Self.encode(found, coding, compression, shelf, loop, to: writer)
            }
        }
        return response
    }

    /// Compresses on the pool's threads, piece by piece, and keeps what comes of it if that is not too much.
    private static func encode(
        _ found: FileShelf.Found, _ coding: ContentCoding, _ compression: Compression, _ shelf: FileShelf,
        _ loop: EventLoop, to writer: ResponseWriter
    ) async throws {
        shelf.running += 1
        defer { shelf.running -= 1 }
        let size = found.file.size
        guard let encoder = try compression.encoder(coding, sizeHint: size) else { return }
        let limit = shelf.serving.cache.encodedBytes
        var kept: [UInt8] = []
        var offset = 0
        try await FilePieces(found, 0..<size).forEach { piece in
            offset += piece.count
            let encoded = try await encoder.encode(piece, offset < size ? .goOn : .finish, on: loop)
            if kept.count <= limit { kept += encoded }
            try await writer.write(encoded)
        }
        if kept.count <= limit { shelf.keep(kept, coding, of: found) }
    }
}
