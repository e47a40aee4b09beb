/// Some of a bundle's ``BundleIndex/distinctChunks``, by their numbers.
public struct ChunkSet: Hashable, Sendable {
    /// A bit for each, the first in the highest bit of the first byte, as it goes over the wire; those beyond the last
    /// are 0.
    public private(set) var bytes: [UInt8]
    /// Of how many.
    public let capacity: Int
    public private(set) var count = 0

    public init(capacity: Int) {
        self.capacity = capacity
        bytes = [UInt8](repeating: 0, count: (capacity + 7) / 8)
    }

    /// All of them.
    public static func all(of capacity: Int) -> ChunkSet {
        var set = ChunkSet(capacity: capacity)
        for number in 0..<capacity { set.insert(number) }
        return set
    }

    /// From what a peer sent; nil if that has another length, or bits beyond the last.
    public init?(bytes: [UInt8], capacity: Int) {
        guard bytes.count == (capacity + 7) / 8 else { return nil }
        if capacity % 8 != 0, bytes[bytes.count - 1] << (capacity % 8) != 0 { return nil }
        self.bytes = bytes
        self.capacity = capacity
        count = bytes.reduce(0) { $0 + $1.nonzeroBitCount }
    }

    public var isFull: Bool { count == capacity }

    public func contains(_ number: Int) -> Bool { bytes[number / 8] & 0x80 >> (number % 8) != 0 }

    /// - Returns: Whether it was missing.
    @discardableResult
    public mutating func insert(_ number: Int) -> Bool {
        guard !contains(number) else { return false }
        bytes[number / 8] |= 0x80 >> (number % 8)
        count += 1
        return true
    }

    public mutating func remove(_ number: Int) {
        guard contains(number) else { return }
        bytes[number / 8] &= ~(0x80 >> (number % 8))
        count -= 1
    }

    public var inverted: ChunkSet {
        var result = ChunkSet(capacity: capacity)
        for number in 0..<capacity where !contains(number) { result.insert(number) }
        return result
    }
}
