internal import IgropyrTime

/// A member as the failure detector sees it.
struct Node: Sendable {
    enum State: UInt8 {
        case alive = 0
        case suspect = 1
        case dead = 2
        case left = 3
    }

    var announcement: Announcement
    var stateChangedAt: Timestamp
    var incarnation: UInt32
    var state: State

    var name: String { announcement.name }
    var address: MemberAddress { announcement.address }
    var meta: [UInt8] { announcement.meta }
    var versions: Versions { announcement.versions }

    var isGone: Bool {
        switch state {
        case .alive, .suspect: false
        case .dead, .left: true
        }
    }

    /// Who has died does for a while, so that it can refute; who has left does not.
    func hearsGossip(at now: Timestamp, _ settings: GossipSettings) -> Bool {
        switch state {
        case .alive, .suspect: true
        case .dead: stateChangedAt.duration(to: now) <= settings.gossipToTheDead
        case .left: false
        }
    }

    var alive: Alive {
        Alive(
            incarnation: incarnation, node: name, address: address.ip, port: address.port, meta: meta,
            versions: versions)
    }
}
