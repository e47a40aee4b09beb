/// Where a reader of a worker's log stands.
struct LogPlace: Hashable, Sendable {
    /// In what was before the present file.
    var isInFormer = false
    var offset: Int64 = 0
    /// The former file at that time: another one tells that the present one was copied aside and emptied since.
    fileprivate var former: FileStatus?
}

extension WorkerLog {
    private static let pieceBytes: Int64 = 64 << 10
    /// Where lines are looked for, from the end. A worker can give its log any length, without writing anything.
    static let searchedBytes = 2 * limitBytes

    var formerPath: String { path + ".1" }
    private var former: FileStatus? { try? FileSystem.status(of: formerPath) }

    /// Where the last lines begin, at most that many. Blocks.
    func place(ofLast lines: Int) -> LogPlace {
        let present = Self.end(of: path, lines: lines)
        if present.lines < lines {
            let former = Self.end(of: formerPath, lines: lines - present.lines)
            if former.lines > 0 { return LogPlace(isInFormer: true, offset: former.start, former: self.former) }
        }
        return LogPlace(offset: present.start, former: former)
    }

    /// What follows a place, at most 64 KB of it, where that ends, and whether more follows already. What was copied
    /// aside meanwhile is not lost to the reader; a file that was emptied by others begins anew. Blocks.
    func read(from place: LogPlace) -> (bytes: [UInt8], end: LogPlace, hasMore: Bool) {
        var place = place
        let former = former
        if !place.isInFormer, byteCount < place.offset {
            if former != place.former { place.isInFormer = true } else { place.offset = 0 }
        }
        place.former = former
        if place.isInFormer {
            let bytes = Self.bytes(of: formerPath, from: place.offset)
            guard bytes.isEmpty else { return (bytes, place.advanced(by: bytes.count), true) }
            place = LogPlace(former: former)
        }
        let bytes = Self.bytes(of: path, from: place.offset)
        return (bytes, place.advanced(by: bytes.count), bytes.count == Self.pieceBytes)
    }

    private var byteCount: Int64 { (try? FileSystem.status(of: path).byteCount) ?? 0 }

    private static func bytes(of path: String, from offset: Int64) -> [UInt8] {
        (try? BlockingFile(path, .read).read(upTo: Int(pieceBytes), at: offset)) ?? []
    }

    /// Where a file's last lines begin, as far as they are looked for, and how many they are; none of a file that is
    /// not there.
    private static func end(of path: String, lines limit: Int) -> (start: Int64, lines: Int) {
        guard limit > 0, let file = try? BlockingFile(path, .read), let byteCount = try? file.status().byteCount else {
            return ((try? FileSystem.status(of: path).byteCount) ?? 0, 0)
        }
        var (lines, position) = (0, byteCount)
        let first = max(0, byteCount - searchedBytes)
        while position > first {
            let start = max(first, position - pieceBytes)
            guard let piece = try? file.read(upTo: Int(position - start), at: start) else { break }
            for index in piece.indices.reversed() where piece[index] == UInt8(ascii: "\n") {
                let next = start + Int64(index) + 1
                guard next < byteCount else { continue }  // There the last line ends.
                lines += 1
                if lines == limit { return (next, lines) }
            }
            position = start
        }
        return (first, byteCount > 0 ? lines + 1 : 0)
    }
}

extension LogPlace {
    fileprivate func advanced(by count: Int) -> LogPlace {
        var place = self
        place.offset += Int64(count)
        return place
    }
}
