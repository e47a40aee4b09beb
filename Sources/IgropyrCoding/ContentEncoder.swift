public import IgropyrHTTP

/// Compresses one body, piece by piece. Calls follow each other, on whichever thread.
///
/// Takes some memory until it is let go: gzip 256 KiB, brotli and zstd one to two MiB.
public final class ContentEncoder {
    /// What is to become of the bytes that an encoder holds back, in the hope of more that are like them.
    public enum Operation: Sendable {
        case goOn
        /// All that was given so far can be read from what comes out.
        case flush
        /// The body ends. Nothing may follow.
        case finish
    }

    /// An encoder got no memory.
    public struct OutOfMemory: Error {}

    private let encoder: any Encoder

    /// Nil for `identity`, which encodes nothing. `quality` is how much work to spend: 1…9 for gzip, 0…11 for brotli,
    /// 1…19 for zstd; what is beyond is the nearest of these, nil is what suits a client that waits: 6, 5 and 3.
    /// `sizeHint` is the bytes that the body will have, exactly, if somebody knows.
    public init?(_ coding: ContentCoding, quality: Int? = nil, sizeHint: Int? = nil) throws(OutOfMemory) {
        switch coding {
        case .identity: return nil
        case .gzip: encoder = try DeflateEncoder(.gzip, level: min(max(quality ?? 6, 1), 9))
        case .brotli: encoder = try BrotliEncoder(quality: min(max(quality ?? 5, 0), 11), sizeHint: sizeHint)
        case .zstd: encoder = try ZstdEncoder(level: min(max(quality ?? 3, 1), 19), sizeHint: sizeHint)
        }
    }

    /// Encodes a piece and appends what can be sent of it, maybe nothing, to `output`.
    public func encode(_ bytes: RawSpan, _ operation: Operation, into output: inout [UInt8]) throws(OutOfMemory) {
        try encoder.encode(bytes, operation, into: &output)
    }

    /// A body that is here as a whole.
    public static func encode(
        _ bytes: RawSpan, _ coding: ContentCoding, quality: Int? = nil
    ) throws(OutOfMemory) -> [UInt8] {
        guard let encoder = try ContentEncoder(coding, quality: quality, sizeHint: bytes.byteCount) else {
            return unsafe bytes.withUnsafeBytes { unsafe [UInt8]($0) }
        }
        var output: [UInt8] = []
        try encoder.encode(bytes, .finish, into: &output)
        return output
    }
}

/// One library's encoder.
protocol Encoder: AnyObject {
    func encode(
        _ bytes: RawSpan, _ operation: ContentEncoder.Operation, into output: inout [UInt8]
    ) throws(ContentEncoder.OutOfMemory)
}

/// Bytes that an encoder is asked for at once.
let outputPieceBytes = 16 << 10

extension [UInt8] {
    /// Appends up to ``outputPieceBytes``, as many as `fill` says it wrote.
    mutating func appendPiece(_ fill: (UnsafeMutableBufferPointer<UInt8>) -> Int) {
        let piece = unsafe [UInt8](unsafeUninitializedCapacity: outputPieceBytes) { buffer, count in
            count = unsafe fill(buffer)
        }
        append(contentsOf: piece)
    }
}
