internal import IgropyrTime

/// A member as Serf sees it: intents decide whether one that is gone left or failed.
struct SerfMember: Sendable {
    let name: String
    var address: MemberAddress
    var tags: [String: String]
    var metadata: [UInt8]
    var versions: Versions
    var status: Member.Status
    /// When, on the members' clock, its status was last announced.
    var statusTime: UInt64
    /// When it left or failed.
    var goneAt: Timestamp?
    /// Whether an operator wants it forgotten as soon as it has left.
    var isToBeForgotten = false

    var member: Member { Member(name: name, address: address, tags: tags, metadata: metadata, status: status) }
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
