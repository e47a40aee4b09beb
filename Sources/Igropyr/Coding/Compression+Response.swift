internal import HTTPTypes
internal import IgropyrCoding
internal import IgropyrHTTP
internal import IgropyrUV

extension Compression {
    /// The response in the coding that the client likes best, if anything allows to compress it.
    package func apply(to response: Response, for request: Request) -> Response {
        guard response.status != .notModified else { return Self.vary(response) }
        guard let type = response.contentType, response.mayBeEncoded else { return response }
        // A stream may become as long as it likes, unless it says its length.
        return switch decide(contentType: type, expectedBytes: response.bodyLength ?? .max, request.acceptedCodings) {
        case .asItIs: response
        case .asItIsHere: Self.vary(response)
        case .encoded(let coding): encoded(response, coding, for: request) ?? Self.vary(response)
        case .notAcceptable: Self.vary(Self.refusal(in: response))
        }
    }

    /// 406, with what middleware has said beside the body.
    private static func refusal(in response: Response) -> Response {
        var refusal = HTTPFailure(.notAcceptable).response
        guard response.hasFields else { return refusal }
        refusal.fields = response.fields
        for name in fieldsOfBody { refusal.fields[name] = nil }
        return refusal
    }

    private static let fieldsOfBody: [HTTPField.Name] = [
        .acceptRanges, .contentDisposition, .contentLanguage, .contentLocation, .eTag, .lastModified,
    ]

    private static func vary(_ response: Response) -> Response {
        let present = response.fields[.vary]
        if let present, isTold(byVary: present) { return response }
        return response.with(.vary, present.map { "\($0), Accept-Encoding" } ?? "Accept-Encoding")
    }

    /// Nil if it cannot be had now.
    private func encoded(_ response: Response, _ coding: ContentCoding, for request: Request) -> Response? {
        guard let loop = request.loop, let body = encodedBody(of: response, coding, loop) else { return nil }
        var response = Self.vary(response).with(.contentEncoding, coding.token)
        response.body = body
        response.streamLength = nil
        response.forgetBytes()
        return response
    }

    private func encodedBody(of response: Response, _ coding: ContentCoding, _ loop: EventLoop) -> Response.Body? {
        switch response.body {
        case .none, .webSocket: nil
        case .text(let text): encoded(Array(text.utf8), coding, loop)
        case .bytes(let bytes): encoded(bytes, coding, loop)
        case .file(_, let range) where range.count > maximumFileBytes: nil
        case .file, .stream: response.produce.flatMap { stream(coding, loop, $0) }
        }
    }

    private func encoded(_ bytes: [UInt8], _ coding: ContentCoding, _ loop: EventLoop) -> Response.Body? {
        if bytes.count <= Self.inlineBytes { return encode(bytes, coding).map { .bytes($0) } }
        return stream(coding, loop) { writer in try await writer.write(bytes) }
    }

    /// Each write of `produce` can be read by the client at once.
    private func stream(
        _ coding: ContentCoding, _ loop: EventLoop, _ produce: @escaping (ResponseWriter) async throws -> Void
    ) -> Response.Body? {
        let running = EncodersRunning.here.value(on: loop)
        guard running.count < streams, let encoder = try? encoder(coding) else { return nil }
        return .stream { writer in
            running.count += 1
            defer { running.count -= 1 }
            let encoding = ResponseWriter(to: writer) { bytes in
                try await writer.write(try await encoder.encode(bytes, .flush, on: loop))
            }
            try await produce(encoding)
            try await writer.write(try await encoder.encode([], .finish, on: loop))
        }
    }
}

/// Streams of handlers that are being compressed on one loop.
private final class EncodersRunning {
    static let here = LoopLocal { EncodersRunning() }
    var count = 0
}

extension Response {
    fileprivate var mayBeEncoded: Bool {
        guard Compression.mayEncode(status: status.code) else { return false }
        guard hasFields else { return true }
        return !fields.contains { Compression.forbiddingFields.contains($0.name.canonicalName) }
            && fields[.cacheControl].map(Compression.isForbidden(byCacheControl:)) != true
    }
}
