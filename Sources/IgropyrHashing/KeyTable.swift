/// Which member answers for which key, and who comes next: one of three kinds of table, all used alike.
///
/// An immutable value: built aside and swapped in whole. It depends on the members alone, not on the order of their
/// discovery or on the machine, so that all who know the same members agree on every key. See `docs/hashing.md`.
public struct KeyTable: Sendable, Equatable {
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// ``HashRing``: moves no key between members that stay, heeds any weight, and is even within about two
        /// percent.
        case rendezvous
        /// Even within a slot, but a change also moves a few keys between members that stay.
        case maglev
        /// The ring of points of `libketama`: moves no key between equal members that stay, but is uneven.
        case ketama
    }

    public struct Member: Sendable, Hashable {
        /// Names the member for good, through restarts: a slot id `application/host/index`, or `host:port`.
        public var id: String
        /// Members of the same host fail together, so a key's choices spread over hosts.
        public var host: String
        /// Its part of the keys, in proportion to the others' weights. 0 leaves it out.
        public var weight: UInt16

        public init(id: String, host: String, weight: UInt16 = 1) {
            self.id = id
            self.host = host
            self.weight = weight
        }
    }

    private enum Table: Sendable, Equatable {
        case rendezvous(HashRing)
        case maglev(MaglevTable)
        case ketama(KetamaRing)
    }

    /// The most members of one table. Beyond it those with the greatest ids are left out.
    public static let maximumMembers = 4096
    /// The most choices of a key.
    public static let maximumDepth = 8

    private let table: Table

    /// Takes some milliseconds; a ``HashRing`` from nothing 0.2 s for 1000 members. Not for an event loop that
    /// serves requests.
    ///
    /// Of members with the same id, the one with the least host, then the least weight, is taken.
    ///
    /// - Parameters:
    ///   - kind: How keys are given to members.
    ///   - members: In any order.
    ///   - depth: How many choices a key has, from 1 to ``maximumDepth``.
    ///   - previous: A table from which to take over what has not changed. It makes no difference to the result.
    public init(kind: Kind = .rendezvous, _ members: [Member], depth: Int = 3, reusing previous: KeyTable? = nil) {
        switch kind {
        case .rendezvous: table = .rendezvous(HashRing(members, depth: depth, reusing: previous?.ring))
        case .maglev: table = .maglev(MaglevTable(Roster(members), depth: depth))
        case .ketama: table = .ketama(KetamaRing(Roster(members), depth: depth))
        }
    }

    /// Those with a weight above zero, each id once, in the order of their ids. Lookups return positions in it.
    public var members: [Member] { roster.members }

    /// Choices of each key: as asked, but not more than there are members.
    public var depth: Int {
        switch table {
        case .rendezvous(let ring): ring.depth
        case .maglev(let table): table.lists.depth
        case .ketama(let ring): ring.lists.depth
        }
    }

    /// The position in ``members`` of a key's choice. Takes constant time and allocates nothing.
    ///
    /// - Parameters:
    ///   - hash: The key's ``XXH64``.
    ///   - rank: 0 is the owner; then come those to try when it cannot answer, on other hosts first, each once.
    /// - Returns: nil from rank ``depth`` on, and for an empty table.
    public func position(forHash hash: UInt64, rank: Int) -> Int? {
        switch table {
        case .rendezvous(let ring): ring.preference(slot: ring.slot(forHash: hash), rank: rank)
        case .maglev(let table): table.position(forHash: hash, rank: rank)
        case .ketama(let ring): ring.position(forHash: hash, rank: rank)
        }
    }

    /// Which part of all keys each member owns, parallel to ``members``; their sum is 1 unless the table is empty.
    public func shares() -> [Double] {
        switch table {
        case .rendezvous(let ring): ring.shares().map { Double($0) / Double(HashRing.slotCount) }
        case .maglev(let table): table.shares()
        case .ketama(let ring): ring.shares()
        }
    }

    /// A hash of the whole table, to compare those of two machines.
    public var checksum: UInt64 {
        switch table {
        case .rendezvous(let ring): ring.checksum
        case .maglev(let table): table.lists.checksum()
        case .ketama(let ring): ring.checksum
        }
    }

    private var ring: HashRing? {
        guard case .rendezvous(let ring) = table else { return nil }
        return ring
    }

    private var roster: Roster {
        switch table {
        case .rendezvous(let ring): ring.roster
        case .maglev(let table): table.roster
        case .ketama(let ring): ring.roster
        }
    }
}
