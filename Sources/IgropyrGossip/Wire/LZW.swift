/// The LZW of Go's `compress/lzw`: least significant bit first, 8-bit literals, codes of 9 to 12 bits.
enum LZW {
    private static let clear = 256
    private static let end = 257
    private static let widthLimit = 12

    // MARK: - Compression

    /// Byte for byte what the reference writes.
    static func compress(_ bytes: [UInt8]) -> [UInt8] {
        guard let first = bytes.first else { return [] }
        var encoder = Encoder(inputBytes: bytes.count)
        // Prefix code and byte to code: open addressing, at most half full. An entry is the key (20 bits) above the code (12 bits),
        // which is never 0.
        let bits = tableBits(inputBytes: bytes.count)
        var table = [UInt32](repeating: 0, count: 1 << bits)
        var entries = table.mutableSpan
        var current = UInt32(first)
        for byte in bytes.dropFirst() {
            let key = current << 8 | UInt32(byte)
            var place = Int(truncatingIfNeeded: (key &* 0x9E37_79B1) >> (32 - bits))
            while entries[place] != 0, entries[place] >> 12 != key { place = (place + 1) & (1 << bits - 1) }
            if entries[place] != 0 {
                current = entries[place] & 0xFFF
                continue
            }
            let isFull = encoder.write(Int(current))
            if isFull { entries.update(repeating: 0) } else { entries[place] = key << 12 | encoder.newest }
            current = UInt32(byte)
        }
        _ = encoder.write(Int(current))
        return encoder.finish()
    }

    private static func tableBits(inputBytes: Int) -> UInt32 {
        var bits: UInt32 = 5
        while 1 << (bits - 1) < min(inputBytes, 1 << widthLimit) { bits += 1 }
        return bits
    }

    private struct Encoder {
        private var writer: BitWriter
        private var width = 9
        private var high = end

        init(inputBytes: Int) {
            writer = BitWriter(capacity: inputBytes + inputBytes / 8 + 8)
            writer.write(clear, width: width)
        }

        /// Accounts for the code. True if the dictionary was full and is to be started anew.
        mutating func write(_ code: Int) -> Bool {
            writer.write(code, width: width)
            high += 1
            if high == 1 << width { width += 1 }
            guard high == 1 << widthLimit - 1 else { return false }
            writer.write(clear, width: width)
            (width, high) = (9, end)
            return true
        }

        /// What the string that was written last, and the byte behind it, are called from now on.
        var newest: UInt32 { UInt32(truncatingIfNeeded: high) }

        mutating func finish() -> [UInt8] {
            writer.write(end, width: width)
            return writer.finish()
        }
    }

    private struct BitWriter {
        private var bytes: [UInt8] = []
        private var bits: UInt32 = 0
        private var count = 0

        init(capacity: Int) { bytes.reserveCapacity(capacity) }

        mutating func write(_ code: Int, width: Int) {
            bits |= UInt32(truncatingIfNeeded: code) << UInt32(count)
            count += width
            while count >= 8 {
                bytes.append(UInt8(truncatingIfNeeded: bits))
                bits >>= 8
                count -= 8
            }
        }

        func finish() -> [UInt8] { count > 0 ? bytes + [UInt8(truncatingIfNeeded: bits)] : bytes }
    }

    // MARK: - Decompression

    /// Throws `badCompression` for an unknown code or a missing end code, `tooLarge` above `limitBytes`.
    static func decompress(_ bytes: [UInt8], limitBytes: Int) throws(WireError) -> [UInt8] {
        var reader = BitReader(bytes: bytes)
        var dictionary = Dictionary()
        var output = Output(capacity: min(limitBytes, 4 * bytes.count))
        while true {
            guard let code = reader.read(width: dictionary.width) else { throw .badCompression }
            switch code {
            case clear: dictionary.reset()
            case end: return output.finish()
            default:
                try dictionary.expand(code, into: &output)
                guard output.count <= limitBytes else { throw .tooLarge }
            }
        }
    }

    private struct BitReader {
        let bytes: [UInt8]
        private var position = 0
        private var bits: UInt32 = 0
        private var count = 0

        init(bytes: [UInt8]) { self.bytes = bytes }

        mutating func read(width: Int) -> Int? {
            while count < width {
                guard position < bytes.count else { return nil }
                bits |= UInt32(bytes[position]) << UInt32(count)
                position += 1
                count += 8
            }
            defer {
                bits >>= UInt32(width)
                count -= width
            }
            return Int(bits & (1 << UInt32(width) - 1))
        }
    }

    /// Grows ahead of what is written, since a byte costs less to set than to append.
    private struct Output {
        private(set) var count = 0
        private var bytes: [UInt8]

        init(capacity: Int) { bytes = [UInt8](repeating: 0, count: capacity) }

        mutating func append(_ byte: UInt8) {
            makeRoom(for: 1)
            bytes[count] = byte
            count += 1
        }

        /// What was written from `start` on; the last byte may be the first that this writes.
        mutating func repeatPiece(at start: Int, count length: Int) {
            makeRoom(for: length)
            let end = count
            var span = bytes.mutableSpan
            for offset in 0..<length { span[end + offset] = span[start + offset] }
            count += length
        }

        private mutating func makeRoom(for length: Int) {
            guard count + length > bytes.count else { return }
            bytes += [UInt8](repeating: 0, count: max(length, bytes.count))
        }

        consuming func finish() -> [UInt8] {
            bytes.removeLast(bytes.count - count)
            return bytes
        }
    }

    /// Strings by code: each is a piece of the output, namely a string that was written before and the byte that followed it.
    private struct Dictionary {
        private struct Piece {
            let start: Int
            let count: Int
        }

        private var pieces: [Piece] = []  // By code, from the first one after `end`.
        private(set) var width = 9
        private var high = end
        /// What was written last; nil at the start and once the table is full.
        private var previous: Piece?

        mutating func reset() {
            pieces.removeAll(keepingCapacity: true)
            width = 9
            high = end
            previous = nil
        }

        mutating func expand(_ code: Int, into output: inout Output) throws(WireError) {
            guard code <= high else { throw .badCompression }
            if let previous { pieces.append(Piece(start: previous.start, count: previous.count + 1)) }
            let start = output.count
            if code < clear {
                output.append(UInt8(truncatingIfNeeded: code))
            } else {
                let piece = pieces[code - end - 1]  // The newest one may end in what it is about to write.
                output.repeatPiece(at: piece.start, count: piece.count)
            }
            advance(past: Piece(start: start, count: output.count - start))
        }

        private mutating func advance(past written: Piece) {
            previous = written
            high += 1
            guard high == 1 << width else { return }
            if width < widthLimit {
                width += 1
            } else {
                high -= 1
                previous = nil
            }
        }
    }
}
