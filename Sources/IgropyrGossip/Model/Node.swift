internal import IgropyrTime

/// A member as the failure detector sees it.
struct Node: Sendable {
    enum State: UInt8 {
        case alive = 0
        case suspect = 1
        case dead = 2
        case left = 3
    }

    let name: String
    var address: MemberAddress
    var meta: [UInt8]
    var versions: Versions
    var incarnation: UInt32
    var state: State
    var stateChangedAt: Timestamp

    var isGone: Bool {
        switch state {
        case .alive, .suspect: false
        case .dead, .left: true
        }
    }

    var wireState: NodeState {
        NodeState(
            name: name, address: address.bytes, port: address.port, meta: meta, incarnation: incarnation,
            state: state.rawValue, versions: versions.bytes)
    }

    var alive: Alive {
        Alive(
            incarnation: incarnation, node: name, address: address.bytes, port: address.port, meta: meta,
            versions: versions.bytes)
    }
}
