internal import IgropyrTime

/// A member as Serf sees it: intents decide whether one that is gone left or failed.
struct SerfMember: Sendable {
    var announcement: Announcement
    /// When, on the members' clock, its status was last announced.
    var statusTime: UInt64
    /// When it left or failed.
    var goneAt: Timestamp?
    var status: Member.Status
    /// Whether an operator wants it forgotten as soon as it has left.
    var isToBeForgotten = false

    init(_ announcement: Announcement, status: Member.Status = .alive, statusTime: UInt64 = 0) {
        self.announcement = announcement
        self.statusTime = statusTime
        self.status = status
    }

    var name: String { announcement.name }
    var address: MemberAddress { announcement.address }
    var tags: [String: String] { announcement.tags }
    var versions: Versions { announcement.versions }

    var member: Member {
        Member(name: name, address: address, tags: tags, metadata: announcement.meta, status: status)
    }
}

extension Member.Status {
    var wireNumber: UInt8 {
        switch self {
        case .alive: 1
        case .leaving: 2
        case .left: 3
        case .failed: 4
        }
    }
}
