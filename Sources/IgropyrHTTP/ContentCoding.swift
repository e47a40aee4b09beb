/// The content codings that a server makes (RFC 9110 §8.4.1, RFC 7932, RFC 9659).
public enum ContentCoding: UInt8, Sendable, Hashable, CaseIterable {
    case identity, gzip, brotli, zstd

    /// As in `Content-Encoding`.
    public var token: String {
        switch self {
        case .identity: "identity"
        case .gzip: "gzip"
        case .brotli: "br"
        case .zstd: "zstd"
        }
    }

    /// The end of the name of a file that holds another one in this coding.
    public var fileSuffix: String {
        switch self {
        case .identity: ""
        case .gzip: ".gz"
        case .brotli: ".br"
        case .zstd: ".zst"
        }
    }

    /// The coding that a token means, in whatever case; nil for those not made here.
    init?(_ token: Range<Int>, in bytes: RawSpan) {
        if bytes.equals("gzip", in: token) || bytes.equals("x-gzip", in: token) {
            self = .gzip
        } else if bytes.equals("br", in: token) {
            self = .brotli
        } else if bytes.equals("zstd", in: token) {
            self = .zstd
        } else if bytes.equals("identity", in: token) {
            self = .identity
        } else {
            return nil
        }
    }
}
