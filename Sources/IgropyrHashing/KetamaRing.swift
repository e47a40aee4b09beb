/// A ring of points, as `libketama` made it known: a key belongs to the member with the first point at or after it.
///
/// Two things differ: the hash is ``XXH64`` instead of MD5, and weights are measured by the greatest instead of the
/// mean, so that one that grows in steps moves no key between others.
struct KetamaRing: Sendable, Equatable {
    /// Of a member with the greatest weight; others have fewer, one at least.
    static let pointsPerMember = 160

    let roster: Roster
    let lists: PreferenceLists
    /// Where members stand, in order, on a ring of 2^32 places; parallel to the entries of ``lists``.
    private let points: [UInt32]
    /// For each value of a point's upper 16 bits the first point that has it or a greater one; last, their number.
    private let starts: [UInt32]

    init(_ roster: Roster, depth: Int) {
        self.roster = roster
        var drawn = Self.drawn(roster.members)
        Self.sort(&drawn)
        points = drawn.map(\.place)
        starts = Self.starts(points)
        lists = CircularOrder.lists(drawn.map(\.owner), roster, depth: depth)
    }

    func position(forHash hash: UInt64, rank: Int) -> Int? {
        guard !points.isEmpty else { return nil }
        let place = UInt32(hash >> 32)
        let bucket = Int(place >> 16)
        var (index, end) = (Int(starts[bucket]), Int(starts[bucket + 1]))
        while index < end {
            let middle = (index + end) / 2
            if points[middle] < place { index = middle + 1 } else { end = middle }
        }
        return lists.position(entry: index == points.count ? 0 : index, rank: rank)
    }

    func shares() -> [Double] {
        var shares = [Double](repeating: 0, count: roster.members.count)
        var previous = points.last ?? 0
        for (entry, point) in points.enumerated() {
            if let owner = lists.position(entry: entry, rank: 0) { shares[owner] += Double(point &- previous) }
            previous = point
        }
        return shares.map { $0 / 0x1p32 }
    }

    /// Over the points, four bytes each, the low one first; then, with that as the seed, over the lists.
    var checksum: UInt64 {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(4 * points.count)
        for point in points {
            for byte in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: point >> UInt32(8 * byte))) }
        }
        return lists.checksum(seed: XXH64.hash(bytes.span))
    }

    private struct Point {
        var place: UInt32
        var owner: UInt16

        func byte(_ index: Int) -> Int { Int(truncatingIfNeeded: place >> UInt32(8 * index) & 0xFF) }
    }

    private static func drawn(_ members: [KeyTable.Member]) -> [Point] {
        let greatest = Int(members.map(\.weight).max() ?? 1)
        var points: [Point] = []
        points.reserveCapacity(pointsPerMember * members.count)
        for (position, member) in members.enumerated() {
            let hash = XXH64.hash(member.id)
            let count = max(1, (pointsPerMember * Int(member.weight) + greatest / 2) / greatest)
            for index in 0..<UInt64(count) {
                let draw = Rendezvous.draw(key: index, member: hash)
                points.append(Point(place: UInt32(draw >> 32), owner: UInt16(position)))
            }
        }
        return points
    }

    /// Byte after byte, the lowest first. Of equal places the member with the least id stays first and has the keys.
    private static func sort(_ points: inout [Point]) {
        var sorted = points
        for byte in 0..<4 {
            var next = [Int](repeating: 0, count: 257)
            for point in points { next[point.byte(byte) + 1] += 1 }
            for value in 1...256 { next[value] += next[value - 1] }
            place(points.span, by: byte, at: &next, in: &sorted)
            swap(&points, &sorted)
        }
    }

    private static func place(_ points: Span<Point>, by byte: Int, at next: inout [Int], in sorted: inout [Point]) {
        var places = sorted.mutableSpan  // Asks once, not for each point, whether the array is shared.
        var nextPlaces = next.mutableSpan
        for index in points.indices {
            let point = points[index]
            places[nextPlaces[point.byte(byte)]] = point
            nextPlaces[point.byte(byte)] += 1
        }
    }

    private static func starts(_ points: [UInt32]) -> [UInt32] {
        var starts = [UInt32](repeating: 0, count: 65_537)
        for point in points { starts[Int(point >> 16) + 1] += 1 }
        for bucket in 1...65_536 { starts[bucket] += starts[bucket - 1] }
        return starts
    }
}
