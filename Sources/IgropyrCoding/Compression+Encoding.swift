package import IgropyrHTTP

extension Compression {
    package func encoder(
        _ coding: ContentCoding, sizeHint: Int? = nil
    ) throws(ContentEncoder.OutOfMemory) -> ContentEncoder? {
        try ContentEncoder(coding, quality: quality[coding], sizeHint: sizeHint)
    }

    /// Nil if there is no memory for it.
    package func encode(_ bytes: [UInt8], _ coding: ContentCoding) -> [UInt8]? {
        unsafe try? ContentEncoder.encode(bytes.span.bytes, coding, quality: quality[coding])
    }
}
