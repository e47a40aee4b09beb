/// The LZW of Go's `compress/lzw`: least significant bit first, 8-bit literals, codes of 9 to 12 bits.
enum LZW {
    private static let clear = 256
    private static let end = 257
    private static let widthLimit = 12

    // MARK: - Compression

    /// Byte for byte what the reference writes.
    static func compress(_ bytes: [UInt8]) -> [UInt8] {
        var encoder = Encoder(inputBytes: bytes.count)
        for byte in bytes { encoder.add(byte) }
        return encoder.finish()
    }

    private struct Encoder {
        private var writer: BitWriter
        private var codes: CodeTable
        private var width = 9
        private var high = end
        /// The string that is being matched; nil before the first byte.
        private var current: Int?

        init(inputBytes: Int) {
            writer = BitWriter(capacity: inputBytes + inputBytes / 8 + 8)
            codes = CodeTable(capacity: inputBytes)
            writer.write(clear, width: width)
        }

        mutating func add(_ byte: UInt8) {
            guard let code = current else {
                current = Int(byte)
                return
            }
            let key = UInt32(truncatingIfNeeded: code << 8) | UInt32(byte)
            if let longer = codes[key] {
                current = longer
                return
            }
            writer.write(code, width: width)
            if !advance() { codes.insert(key, high) }
            current = Int(byte)
        }

        mutating func finish() -> [UInt8] {
            guard let code = current else { return [] }
            writer.write(code, width: width)
            _ = advance()
            writer.write(end, width: width)
            return writer.finish()
        }

        /// Accounts for a code just written. True if the dictionary was full and was started anew.
        private mutating func advance() -> Bool {
            high += 1
            if high == 1 << width { width += 1 }
            guard high == 1 << widthLimit - 1 else { return false }
            writer.write(clear, width: width)
            (width, high) = (9, end)
            codes.removeAll()
            return true
        }
    }

    /// Prefix code and byte to code: open addressing, at most half full. An entry is the key (20 bits) above the code (12 bits),
    /// which is never 0.
    private struct CodeTable {
        private var entries: [UInt32]
        private let shift: UInt32
        private let mask: Int

        init(capacity: Int) {
            var bits: UInt32 = 5
            while 1 << (bits - 1) < min(capacity, 1 << widthLimit) { bits += 1 }
            entries = [UInt32](repeating: 0, count: 1 << bits)
            shift = 32 - bits
            mask = 1 << bits - 1
        }

        private func place(of key: UInt32) -> Int { Int(truncatingIfNeeded: (key &* 0x9E37_79B1) >> shift) }

        subscript(key: UInt32) -> Int? {
            var place = place(of: key)
            while entries[place] != 0 {
                if entries[place] >> 12 == key { return Int(entries[place] & 0xFFF) }
                place = (place + 1) & mask
            }
            return nil
        }

        mutating func insert(_ key: UInt32, _ code: Int) {
            var place = place(of: key)
            while entries[place] != 0 { place = (place + 1) & mask }
            entries[place] = key << 12 | UInt32(truncatingIfNeeded: code)
        }

        mutating func removeAll() { for place in entries.indices { entries[place] = 0 } }
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
        var output: [UInt8] = []
        output.reserveCapacity(min(limitBytes, 2 * bytes.count))
        while true {
            guard let code = reader.read(width: dictionary.width) else { throw .badCompression }
            switch code {
            case clear: dictionary.reset()
            case end: return output
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

        mutating func expand(_ code: Int, into output: inout [UInt8]) throws(WireError) {
            guard code <= high else { throw .badCompression }
            if let previous { pieces.append(Piece(start: previous.start, count: previous.count + 1)) }
            let start = output.count
            if code < clear {
                output.append(UInt8(truncatingIfNeeded: code))
            } else {
                let piece = pieces[code - end - 1]  // The newest one may end in what it is about to write.
                for place in piece.start..<piece.start + piece.count { output.append(output[place]) }
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
