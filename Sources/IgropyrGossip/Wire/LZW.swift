/// The LZW of Go's `compress/lzw`: least significant bit first, 8-bit literals, codes of 9 to 12 bits.
enum LZW {
    private static let clear = 256
    private static let end = 257
    private static let widthLimit = 12
    private static let lastCode = 1 << widthLimit - 1

    // MARK: - Compression

    /// Byte for byte what the reference writes.
    static func compress(_ bytes: [UInt8]) -> [UInt8] {
        guard let first = bytes.first else { return [] }
        // No byte costs more than one of the widest codes; all codes are given up after `lastCode - end` of them.
        let codesLimit = bytes.count + bytes.count / (lastCode - end) + 3
        return [UInt8](capacity: codesLimit * widthLimit / 8 + 1) { output in
            write(bytes, startingWith: first, to: &output)
        }
    }

    private static func write(_ bytes: [UInt8], startingWith first: UInt8, to output: inout OutputSpan<UInt8>) {
        var encoder = Encoder(startingIn: &output)
        // Prefix code and byte to code: open addressing, at most half full. An entry is the key (20 bits) above the
        // code (12 bits), which is never 0.
        let bits = tableBits(inputBytes: bytes.count)
        var table = [UInt32](repeating: 0, count: 1 << bits)
        var entries = table.mutableSpan
        var current = UInt32(first)
        let input = bytes.span
        for index in 1..<input.count {
            let byte = input[index]
            let key = current << 8 | UInt32(byte)
            // Never beyond the table, which has a place for each number of so many bits.
            var place = Int(truncatingIfNeeded: (key &* 0x9E37_79B1) &>> (32 - bits))
            var entry = unsafe entries[unchecked: place]
            while entry != 0, entry >> 12 != key {
                place = (place + 1) & (1 << bits - 1)
                entry = unsafe entries[unchecked: place]
            }
            guard entry == 0 else {
                current = entry & 0xFFF
                continue
            }
            let isFull = encoder.write(Int(current), to: &output)
            if isFull { entries.update(repeating: 0) } else { entries[place] = key << 12 | encoder.newest }
            current = UInt32(byte)
        }
        _ = encoder.write(Int(current), to: &output)
        encoder.finish(&output)
    }

    private static func tableBits(inputBytes: Int) -> UInt32 {
        var bits: UInt32 = 5
        while 1 << (bits - 1) < min(inputBytes, 1 << widthLimit) { bits += 1 }
        return bits
    }

    private struct Encoder {
        private var bits: UInt32 = 0
        private var count = 0
        private var width = 9
        private var high = end

        init(startingIn output: inout OutputSpan<UInt8>) { put(clear, to: &output) }

        /// Accounts for the code. True if the dictionary was full and is to be started anew.
        mutating func write(_ code: Int, to output: inout OutputSpan<UInt8>) -> Bool {
            put(code, to: &output)
            high += 1
            if high == 1 &<< width { width += 1 }
            guard high == lastCode else { return false }
            put(clear, to: &output)
            (width, high) = (9, end)
            return true
        }

        /// What the string that was written last, and the byte behind it, are called from now on.
        var newest: UInt32 { UInt32(truncatingIfNeeded: high) }

        mutating func finish(_ output: inout OutputSpan<UInt8>) {
            put(end, to: &output)
            if count > 0 { output.append(UInt8(truncatingIfNeeded: bits)) }
        }

        private mutating func put(_ code: Int, to output: inout OutputSpan<UInt8>) {
            bits |= UInt32(truncatingIfNeeded: code) &<< UInt32(truncatingIfNeeded: count)
            count += width
            while count >= 8 {
                output.append(UInt8(truncatingIfNeeded: bits))
                bits >>= 8
                count -= 8
            }
        }
    }

    // MARK: - Decompression

    /// Throws `badCompression` for an unknown code or a missing end code, `tooLarge` above `limitBytes`.
    static func decompress(_ bytes: [UInt8], limitBytes: Int) throws(WireError) -> [UInt8] {
        let limitBytes = min(limitBytes, Int(UInt32.max))  // The table's numbers are no longer.
        var reader = BitReader(bytes: bytes)
        var output = [UInt8](repeating: 0, count: min(limitBytes, 4 * bytes.count))
        var position = 0
        // Where in the output the strings of the codes since the last `clear` begin. The code of the one at `index`,
        // with the byte behind it, is `end + 1 + index`.
        var table = [UInt32](repeating: 0, count: min(lastCode - end + 1, bytes.count))
        var starts = table.mutableSpan
        var startCount = 0
        var (width, high) = (9, end)
        while let code = reader.read(width: width) {
            guard code != clear else {
                (width, high, startCount) = (9, end, 0)
                continue
            }
            guard code != end else {
                output.removeLast(output.count - position)
                return output
            }
            guard code <= high else { throw .badCompression }
            if startCount < starts.count {
                starts[startCount] = UInt32(position)
                startCount += 1
            }
            if high < lastCode { high += 1 }
            if high == 1 &<< width { width += 1 }
            let index = code - end - 1
            let count = code < clear ? 1 : Int(starts[index + 1] - starts[index]) + 1
            guard count <= limitBytes - position else { throw .tooLarge }
            if count > output.count - position {
                output += [UInt8](repeating: 0, count: max(count, min(output.count, limitBytes - output.count)))
            }
            if code < clear {
                output[position] = UInt8(truncatingIfNeeded: code)
            } else {
                repeatBytes(from: Int(starts[index]), count: count, at: position, in: &output)
            }
            position += count
        }
        throw .badCompression
    }

    /// The last byte may be the first that this writes.
    @inline(__always)
    private static func repeatBytes(from start: Int, count: Int, at position: Int, in output: inout [UInt8]) {
        precondition(start < position && count <= output.count - position)
        var span = output.mutableSpan
        for offset in 0..<count { unsafe span[unchecked: position &+ offset] = unsafe span[unchecked: start &+ offset] }
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
                bits |= UInt32(bytes[position]) &<< UInt32(truncatingIfNeeded: count)
                position += 1
                count += 8
            }
            let code = Int(bits & (1 &<< UInt32(truncatingIfNeeded: width) - 1))
            bits &>>= UInt32(truncatingIfNeeded: width)
            count -= width
            return code
        }
    }
}
