import IgropyrCoding
import IgropyrConfiguration
import IgropyrHTTP

extension Schema where Value == Int {
    /// Of a request's body; `off` is 0.
    static var bufferedBody: Schema<Int> {
        Schema<Int?>.off(or: .bytes(in: 1...(64 << 20))).map { $0 ?? 0 }
    }
}

extension Schema where Value == Compression? {
    /// `true` is by the defaults.
    static var compression: Schema<Compression?> {
        .short(
            Schema<Bool>.bool.map { $0 ? Compression() : nil }, or: Schema<Compression>.compressionSection.map { $0 })
    }
}

extension Schema where Value == Compression {
    fileprivate static var compressionSection: Schema<Compression> {
        .section { section in
            var compression = Compression()
            section.read("codings", .list(of: .coding, atLeast: 1, limit: 3), into: &compression.codings)
            section.read("minimum", .bytes(in: 0...(1 << 30)), into: &compression.minimumBytes)
            section.read("types", .list(of: .mediaType, atLeast: 1, limit: 64), into: &compression.types)
            section.read("streams", .integer(in: 1...4096), into: &compression.streams)
            return compression
        }
    }
}

extension Schema where Value == ContentCoding {
    fileprivate static var coding: Schema<ContentCoding> {
        .enumeration(["zstd": .zstd, "br": .brotli, "gzip": .gzip])
    }
}

extension Schema where Value == String {
    fileprivate static var mediaType: Schema<String> {
        .text("a media type such as text/html, text/* or *+json") { text in
            let parts = text.split(separator: "/", omittingEmptySubsequences: false)
            let isWhole = parts.count == 2 && FieldEdits.isName(String(parts[0])) && FieldEdits.isName(String(parts[1]))
            let isEnd = parts.count == 1 && text.hasPrefix("*+") && FieldEdits.isName(text)
            return isWhole || isEnd ? text.lowercased() : nil
        }
    }
}
