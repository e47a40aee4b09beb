/// Tar archives byte by byte (POSIX ustar), to say what no well-meaning program writes.
struct TarBytes {
    enum Kind: Character {
        case file = "0"
        case hardLink = "1"
        case link = "2"
        case device = "3"
        case folder = "5"
        case fifo = "6"
        /// GNU's: the content is the next entry's name.
        case longName = "L"
        /// A pax header: the content says more of the next entry.
        case pax = "x"
    }

    private(set) var bytes: [UInt8] = []

    /// `size` states another length than the content has.
    func adding(
        _ name: String, _ kind: Kind = .file, content: String = "", target: String = "", mode: String = "0000644",
        size: Int? = nil
    ) -> TarBytes {
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, at offset: Int) {
            header.replaceSubrange(offset..<offset + text.utf8.count, with: text.utf8)
        }
        let length = String(size ?? content.utf8.count, radix: 8)
        put(name, at: 0)
        put(mode, at: 100)
        put("0000000", at: 108)
        put("0000000", at: 116)
        put(String(repeating: "0", count: 11 - length.count) + length, at: 124)
        put("00000000000", at: 136)
        put("        ", at: 148)
        put(String(kind.rawValue), at: 156)
        put(target, at: 157)
        put("ustar\u{0}00", at: 257)
        let sum = String(header.reduce(0) { $0 + Int($1) }, radix: 8)
        put(String(repeating: "0", count: 6 - sum.count) + sum + "\u{0} ", at: 148)
        var tar = self
        tar.bytes += header + content.utf8
        tar.bytes += [UInt8](repeating: 0, count: (512 - content.utf8.count % 512) % 512)
        return tar
    }

    /// With the two empty blocks that end an archive.
    var archive: [UInt8] { bytes + [UInt8](repeating: 0, count: 1024) }
}
