import IgropyrCoding
import IgropyrHTTP
import IgropyrTransport

/// Compresses one response on its way to a client that can read that, unless something speaks against it. Of use for
/// responses of applications with ``ApplicationSettings/compression`` only.
///
/// What a worker has compressed itself passes as it is. Pieces of a body of unknown length can be read by the client at
/// once; one of known length goes out as the encoder likes.
final class ResponseCompressor {
    private let settings: Compression
    private let accepted: AcceptedCodings?
    private var decision = Compression.Decision.asItIs
    private var encoder: ContentEncoder?
    private var flushes = false

    /// For the response to a request.
    init(_ settings: Compression, requestHead head: MessageHead, _ bytes: RawSpan) {
        self.settings = settings
        accepted = RepresentationFields(head, in: bytes).acceptedCodings
    }

    /// Whether the body is being encoded, which takes memory: see ``Compression/streams``.
    var isEncoding: Bool { encoder != nil }

    /// Whether the response's fields say that it is encoded.
    var isEncoded: Bool { if case .encoded = decision { true } else { false } }

    /// Looks at a response's head; `hasBody` says whether its body is sent, which that to HEAD is not.
    func begin(_ head: MessageHead, _ bytes: RawSpan, hasBody: Bool, othersEncoding: Int) {
        decision = decide(about: head, bytes)
        guard hasBody, case .encoded(let coding) = decision else { return }
        if othersEncoding < settings.streams { encoder = try? settings.encoder(coding) }
        if encoder == nil { decision = .asItIsHere }
        flushes = head.contentLength == nil
    }

    private func decide(about head: MessageHead, _ bytes: RawSpan) -> Compression.Decision {
        if head.status == 304 { return .asItIsHere }
        guard Compression.mayEncode(status: head.status), !isForbidden(head, bytes),
            let type = head.value(of: "content-type", in: bytes)
        else { return .asItIs }
        let length = head.contentLength.map { Int(clamping: $0) }
        return settings.decide(contentType: bytes.string(in: type), expectedBytes: length ?? .max, accepted)
    }

    private func isForbidden(_ head: MessageHead, _ bytes: RawSpan) -> Bool {
        var isForbidden = false
        head.forEachField(in: bytes) { name, value in
            if Compression.forbiddingFields.contains(where: { bytes.matches($0, in: name) }) { isForbidden = true }
            guard bytes.matches("cache-control", in: name) else { return }
            if Compression.isForbidden(byCacheControl: bytes.string(in: value)) { isForbidden = true }
        }
        return isForbidden
    }

    /// Whether a field of the worker's was of the bytes before they were encoded.
    func rewrites(_ name: Range<Int>, in bytes: RawSpan) -> Bool {
        isEncoded && (bytes.matches("accept-ranges", in: name) || bytes.matches("etag", in: name))
    }

    /// Adds what the client and caches must know.
    func writeFields(
        _ head: MessageHead, _ bytes: RawSpan, on downstream: any HTTPServerStream
    ) throws(HTTPSerializer.Failure) {
        if case .asItIs = decision { return }
        var isTold = false
        head.forEachField(in: bytes) { name, value in
            guard bytes.matches("vary", in: name) else { return }
            isTold = isTold || Compression.isTold(byVary: bytes.string(in: value))
        }
        if !isTold { try downstream.appendField("Vary", "Accept-Encoding") }
        guard case .encoded(let coding) = decision else { return }
        // Other bytes under the same name: it holds only weakly (RFC 9110 §8.8.1).
        if let tag = head.value(of: "etag", in: bytes).flatMap({ EntityTag(parsing: bytes.string(in: $0)) }) {
            try downstream.appendField("ETag", tag.weakened.description)
        }
        try downstream.appendField("Content-Encoding", coding.token)
    }

    /// Lets go of the memory.
    func end() { encoder = nil }

    /// What can be sent of a piece, maybe nothing.
    func encode(_ bytes: RawSpan) throws(ContentEncoder.OutOfMemory) -> [UInt8] {
        var output: [UInt8] = []
        try encoder?.encode(bytes, flushes ? .flush : .goOn, into: &output)
        return output
    }

    /// The rest of the body.
    func finish() throws(ContentEncoder.OutOfMemory) -> [UInt8] {
        var output: [UInt8] = []
        try encoder?.encode(RawSpan(), .finish, into: &output)
        return output
    }
}
