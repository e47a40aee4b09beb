/// The LZW of Go's `compress/lzw`: least significant bit first, 8-bit literals, codes of 9 to 12 bits.
enum LZW {
    private static let clear = 256
    private static let end = 257
    private static let widthLimit = 12

    // MARK: - Compression

    /// Byte for byte what the reference writes.
    static func compress(_ bytes: [UInt8]) -> [UInt8] {
        var writer = BitWriter()
        var codes: [Int: Int] = [:]  // Prefix code and byte to code.
        var width = 9
        var high = end
        writer.write(clear, width: width)

        /// Accounts for a code just written. True if the dictionary was full and was started anew.
        func advance() -> Bool {
            high += 1
            if high == 1 << width { width += 1 }
            guard high == 1 << widthLimit - 1 else { return false }
            writer.write(clear, width: width)
            (width, high) = (9, end)
            codes.removeAll(keepingCapacity: true)
            return true
        }

        guard var code = bytes.first.map(Int.init) else { return [] }
        for byte in bytes.dropFirst() {
            let key = code << 8 | Int(byte)
            if let longer = codes[key] {
                code = longer
                continue
            }
            writer.write(code, width: width)
            if !advance() { codes[key] = high }
            code = Int(byte)
        }
        writer.write(code, width: width)
        _ = advance()
        writer.write(end, width: width)
        return writer.finish()
    }

    private struct BitWriter {
        private var bytes: [UInt8] = []
        private var bits: UInt32 = 0
        private var count = 0

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

    /// Strings by code, each as a shorter string and one more byte. `previous` is nil at the start and once the table is full.
    private struct Dictionary {
        private var prefixes = [Int](repeating: 0, count: 1 << widthLimit)
        private var suffixes = [UInt8](repeating: 0, count: 1 << widthLimit)
        private(set) var width = 9
        private var high = end
        private var previous: Int?

        mutating func reset() {
            width = 9
            high = end
            previous = nil
        }

        mutating func expand(_ code: Int, into output: inout [UInt8]) throws(WireError) {
            let isUnstored = code == high && previous != nil
            guard code <= high else { throw .badCompression }
            let start = output.count
            var current = isUnstored ? previous ?? 0 : code
            while current > end {  // Prefixes are smaller than what they prefix: ends.
                output.append(suffixes[current])
                current = prefixes[current]
            }
            let first = UInt8(truncatingIfNeeded: current)
            output.append(first)
            output[start...].reverse()
            if isUnstored { output.append(first) }
            store(first, after: code)
        }

        private mutating func store(_ first: UInt8, after code: Int) {
            if let previous {
                prefixes[high] = previous
                suffixes[high] = first
            }
            previous = code
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
