import IgropyrCoding

/// A compressed message, or one to be compressed: window and limit, bytes.
enum DeflateTarget: FuzzTarget {
    static let name = "deflate"

    static func run(_ input: [UInt8]) {
        var input = Input(input)
        let choice = input.byte()
        let limit = choice & 8 == 0 ? 1 << 20 : 64
        let bytes = input.rest
        let windowBits = 9 + Int(choice & 7) % 7
        guard let inflater = try? MessageInflater(), let deflater = try? MessageDeflater(windowBits: windowBits) else {
            return
        }
        let first = Result { () throws(MessageInflater.Failure) in
            try inflater.expand(bytes.span.bytes, limitBytes: limit)
        }
        if case .success(let expanded) = first { require(expanded.count <= limit) }
        for _ in 0..<2 {
            let packed = deflater.compress(bytes.span.bytes)
            require((try? inflater.expand(packed.span.bytes, limitBytes: bytes.count)) == bytes)
        }
        let second = Result { () throws(MessageInflater.Failure) in
            try inflater.expand(bytes.span.bytes, limitBytes: limit)
        }
        require(first == second, "a message depends on those before it")
    }
}

extension Result where Failure == MessageInflater.Failure, Success == [UInt8] {
    fileprivate static func == (left: Self, right: Self) -> Bool {
        switch (left, right) {
        case (.success(let left), .success(let right)): left == right
        case (.failure(let left), .failure(let right)): left == right
        case (.success, .failure), (.failure, .success): false
        }
    }
}
