/// All nodes, in the order in which they are probed, which is a random one.
///
/// Whatever walks over the nodes walks in that order: a dictionary's would differ from run to run.
struct NodeTable: Sendable {
    private(set) var all: [Node] = []
    private var places: [String: Int] = [:]
    /// How many of them the present round is through with.
    private var cursor = 0

    var count: Int { all.count }

    subscript(name: String) -> Node? { places[name].map { all[$0] } }

    mutating func update(_ node: Node) {
        if let place = places[node.name] { all[place] = node }
    }

    /// Puts a new node at a random place in the order; what was there goes to the end.
    mutating func insert(_ node: Node, using random: inout some RandomNumberGenerator) {
        guard places[node.name] == nil else { return }
        let place = Int.random(in: 0...all.count, using: &random)
        all.append(node)
        all.swapAt(place, all.count - 1)
        places[all[place].name] = place
        places[all[all.count - 1].name] = all.count - 1
    }

    /// Returns the names of those that are removed.
    mutating func remove(where isRemoved: (Node) -> Bool) -> [String] {
        let names = all.filter(isRemoved).map(\.name)
        guard !names.isEmpty else { return [] }
        cursor -= all[..<cursor].count(where: isRemoved)
        all.removeAll(where: isRemoved)
        noteAllPlaces()
        return names
    }

    /// The next node of the round that `isWanted`; nil at the end of a round.
    mutating func nextInRound(where isWanted: (Node) -> Bool) -> Node? {
        while cursor < all.count {
            defer { cursor += 1 }
            if isWanted(all[cursor]) { return all[cursor] }
        }
        return nil
    }

    mutating func startRound(using random: inout some RandomNumberGenerator) {
        all.shuffle(using: &random)
        noteAllPlaces()
        cursor = 0
    }

    /// In the same order, so that nobody waits for longer than a round.
    mutating func repeatRound() { cursor = 0 }

    private mutating func noteAllPlaces() {
        places.removeAll(keepingCapacity: true)
        for (place, node) in all.enumerated() { places[node.name] = place }
    }

    /// Up to `count` different nodes, each choice equally likely.
    func sample(
        _ count: Int, using random: inout some RandomNumberGenerator, where isWanted: (Node) -> Bool
    ) -> [Node] {
        sampleByTrial(count, using: &random, where: isWanted) ?? sampleByCount(count, using: &random, where: isWanted)
    }

    /// In a large table, of which most are wanted, a few draws do. Nil if they did not.
    private func sampleByTrial(
        _ count: Int, using random: inout some RandomNumberGenerator, where isWanted: (Node) -> Bool
    ) -> [Node]? {
        guard all.count > 8 * count else { return nil }
        var chosen: [Int] = []
        for _ in 0..<4 * count where chosen.count < count {
            let place = Int.random(in: all.indices, using: &random)
            if !chosen.contains(place), isWanted(all[place]) { chosen.append(place) }
        }
        return chosen.count == count ? chosen.map { all[$0] } : nil
    }

    private func sampleByCount(
        _ count: Int, using random: inout some RandomNumberGenerator, where isWanted: (Node) -> Bool
    ) -> [Node] {
        var candidates = all.indices.filter { isWanted(all[$0]) }
        let size = min(count, candidates.count)
        for index in 0..<size {
            candidates.swapAt(index, Int.random(in: index..<candidates.count, using: &random))
        }
        return candidates.prefix(size).map { all[$0] }
    }
}
