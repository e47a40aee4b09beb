internal import HTTPTypes
internal import IgropyrCoding
internal import IgropyrHTTP
internal import IgropyrTime
internal import IgropyrUV

/// A file as it was found, or a sibling of it in some coding: what its responses are made of. Belongs to one loop.
final class ServedFile {
    let identity: OpenFile.Identity
    /// All of it, if it is small enough to be kept.
    let bytes: [UInt8]?
    let coding: ContentCoding
    let contentType: String
    /// Whether responses depend on `Accept-Encoding`: its type is worth compressing.
    let isNegotiated: Bool
    let validators: Validators
    /// Whether it last changed so long ago that a further change will show. Until then its tag is weak.
    let isSettled: Bool
    /// `Cache-Control`, if there is a rule.
    let cacheControl: String?
    /// The answer to a plain GET, but for the body of a file that is not kept.
    private(set) var whole: Response

    var checkedAt: Timestamp
    /// Itself, for a while, if it is not kept in memory.
    var open: OpenFile?
    /// Siblings that were looked for and are not there; forgotten now and then.
    var missingSiblings: Set<ContentCoding> = []
    /// What compression made of it.
    private(set) var encoded: [ContentCoding: [UInt8]] = [:]

    var size: Int { identity.size }

    /// `path` is beneath the folder, and the file's own if this is a sibling; `clock` is in seconds since 1970.
    init(
        _ file: OpenFile, bytes: [UInt8]?, path: String, coding: ContentCoding, _ serving: FileServing,
        now: Timestamp, clock: Int64
    ) {
        identity = file.identity
        self.bytes = bytes
        self.coding = coding
        contentType = MIMETypes.system.type(
            ofFile: path, overrides: serving.types, default: serving.defaultType)
        isNegotiated = (serving.compression ?? Compression()).covers(contentType)
        isSettled = file.modified.seconds + Self.settlingSeconds <= clock
        let modified = min(file.modified.seconds, clock)  // RFC 9110 §8.8.2.1: never in the future.
        let tag = EntityTag(Self.tag(file, coding), isWeak: !isSettled)
        validators = Validators(entityTag: tag, lastModified: HTTPDate(seconds: modified))
        cacheControl = serving.cacheControl.value(for: path)
        checkedAt = now
        whole = Response(.ok, contentType, bytes.map { .bytes($0) } ?? .none)
        whole = describe(whole, as: coding, validators)
        whole.fields[.acceptRanges] = "bytes"
        if serving.forbidsSniffing { whole.fields[.xContentTypeOptions] = "nosniff" }
    }

    /// The clock of file systems ticks every few milliseconds, and `Last-Modified` every second.
    private static let settlingSeconds: Int64 = 2

    private static func tag(_ file: OpenFile, _ coding: ContentCoding) -> String {
        let (modified, size) = (file.modified, file.size)
        let numbers = [String(modified.seconds, radix: 36), String(modified.nanoseconds, radix: 36)]
        let suffix = coding == .identity ? [] : [coding.token]
        return (numbers + [String(size, radix: 36)] + suffix).joined(separator: "-")
    }

    /// Of what compression makes of it now: another time it may be other bytes.
    func validators(encodedBy coding: ContentCoding) -> Validators {
        let tag = validators.entityTag.map { EntityTag("\($0.opaque)-\(coding.token)", isWeak: true) }
        return Validators(entityTag: tag, lastModified: validators.lastModified)
    }

    /// The fields that 200, 206 and 304 have in common (RFC 9110 §15.4.5).
    func describe(_ response: Response, as coding: ContentCoding, _ validators: Validators) -> Response {
        var response = response.with(validators)
        if let cacheControl { response.fields[.cacheControl] = cacheControl }
        if isNegotiated { response.fields[.vary] = "Accept-Encoding" }
        if coding != .identity, response.status != .notModified { response.fields[.contentEncoding] = coding.token }
        return response
    }

    func keep(_ bytes: [UInt8], encodedBy coding: ContentCoding) { encoded[coding] = bytes }

    /// What it takes in the cache, in bytes: with some for names and fields.
    var cost: Int { 1024 + (bytes?.count ?? 0) + encoded.values.reduce(0) { $0 + $1.count } }
}
