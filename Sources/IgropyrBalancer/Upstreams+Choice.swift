import IgropyrHashing
import IgropyrTime
import IgropyrUV

extension Upstreams {
    /// Whom to ask for a key: the owner of its slot, then the slot's other choices, then any worker, each at most once.
    /// Those that refused lately come last, in the same order, so that there is always somebody while there are workers.
    func choose(
        forHash hash: UInt64, except tried: [SocketAddress], _ memory: inout RefusalMemory, at now: Timestamp
    ) -> SocketAddress? {
        guard !members.isEmpty else { return nil }
        if let address = first(forHash: hash, where: { !tried.contains($0) && memory.admits($0, at: now) }) {
            return address
        }
        return first(forHash: hash) { !tried.contains($0) }
    }

    func hasOthers(than tried: [SocketAddress]) -> Bool { members.contains { !tried.contains($0.address) } }

    private func first(forHash hash: UInt64, where isSuitable: (SocketAddress) -> Bool) -> SocketAddress? {
        let slot = ring.slot(forHash: hash)
        for rank in 0..<ring.depth {
            guard let position = ring.preference(slot: slot, rank: rank) else { break }
            let address = members[position].address
            if isSuitable(address) { return address }
        }
        guard ring.depth < members.count else { return nil }
        // Beyond the list, begin at a place of the slot's own: one worker must not get all that others refuse.
        for offset in members.indices {
            let address = members[(slot + offset) % members.count].address
            if isSuitable(address) { return address }
        }
        return nil
    }
}
