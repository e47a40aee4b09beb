/// All nodes by name, and the order in which they are probed.
///
/// Whatever walks over the nodes walks in that order: a dictionary's would differ from run to run.
struct NodeTable: Sendable {
    private var nodes: [String: Node] = [:]
    private(set) var order: [String] = []
    private var cursor = 0

    var count: Int { nodes.count }
    var all: [Node] { order.compactMap { nodes[$0] } }

    subscript(name: String) -> Node? { nodes[name] }

    mutating func update(_ node: Node) {
        guard nodes[node.name] != nil else { return }
        nodes[node.name] = node
    }

    /// Puts a new node at a random place in the order.
    mutating func insert(_ node: Node, using random: inout some RandomNumberGenerator) {
        guard nodes.updateValue(node, forKey: node.name) == nil else { return }
        let index = Int.random(in: 0...order.count, using: &random)
        order.insert(node.name, at: index)
        if index < cursor { cursor += 1 }
    }

    mutating func remove(where isRemoved: (Node) -> Bool) {
        order.removeAll { name in
            guard let node = nodes[name], isRemoved(node) else { return false }
            nodes[name] = nil
            return true
        }
    }

    /// The next node of the round that `isWanted`; nil at the end of a round.
    mutating func nextInRound(where isWanted: (Node) -> Bool) -> Node? {
        while cursor < order.count {
            defer { cursor += 1 }
            if let node = nodes[order[cursor]], isWanted(node) { return node }
        }
        return nil
    }

    mutating func startRound(using random: inout some RandomNumberGenerator) {
        order.shuffle(using: &random)
        cursor = 0
    }

    /// Up to `count` different nodes, each choice equally likely.
    func sample(
        _ count: Int, using random: inout some RandomNumberGenerator, where isWanted: (Node) -> Bool
    ) -> [Node] {
        var candidates = all.filter(isWanted)
        let size = min(count, candidates.count)
        for index in 0..<size {
            candidates.swapAt(index, Int.random(in: index..<candidates.count, using: &random))
        }
        return Array(candidates.prefix(size))
    }
}
