/// Who this member is.
public struct GossipConfiguration: Sendable {
    /// Unique in the cluster; 1 to 128 of `A-Z a-z 0-9 . - _`.
    public var name: String
    /// Where others reach us over UDP and TCP; not 0.0.0.0, the port not 0.
    public var address: MemberAddress
    /// Which of our claims beats which; at least 1. One higher than in all earlier lives lets a restart be believed at
    /// once, even by whoever remembers a leave that others have forgotten: seconds since 1970 serve well.
    public var incarnation: UInt32 = 1
    /// At most 512 bytes encoded.
    public var tags: [String: String] = [:]
    /// Who uses memberlist's room for metadata and messages; without Serf there are no tags, events and queries.
    public var delegate = GossipDelegate.serf
    /// Nil: everybody whose key fits.
    public var admission: AdmissionPolicy?
    /// 16, 24 or 32 bytes each; the first seals what we send, all open what we receive. Empty: no encryption.
    public var keys: [[UInt8]] = []
    /// Keeps clusters apart; "" for none. Agents of Serf 0.9 and earlier know no labels.
    public var label = ""
    /// Whether we ask the others when somebody else uses our name, and give way if most of them know it there.
    public var resolvesNameConflicts = true
    public var settings = GossipSettings.lan

    public init(name: String, address: MemberAddress) {
        self.name = name
        self.address = address
    }
}

/// A wrong configuration, or a request that cannot be carried out.
public enum GossipError: Error, Hashable, Sendable {
    case invalidName(String)
    case invalidAddress(MemberAddress)
    /// The tags, or the metadata, take more than 512 bytes.
    case tagsTooLarge
    /// A key is not 16, 24 or 32 bytes long, or there are more than 16.
    case invalidKey
    /// The label is longer than 255 bytes.
    case invalidLabel
    case userEventTooLarge(limitBytes: Int)
    case queryTooLarge(limitBytes: Int)
    case responseTooLarge(limitBytes: Int)
    /// Nobody asked this, or the time to answer is over, or we answered.
    case noSuchQuery
    case unknownMember(String)
    /// What Serf is for, in a cluster without it.
    case needsSerf
    /// Serf uses metadata, messages and user state itself: send events or queries.
    case belongsToSerf
    case userMessageTooLarge(limitBytes: Int)
    case userStateTooLarge(limitBytes: Int)
    /// Names that begin with ``QueryRequest/reservedPrefix`` are Serf's own.
    case reservedName(String)
    /// There are no keys to change: the cluster is not encrypted.
    case notEncrypted
    /// After ``Gossip/leave(at:)``.
    case leaving
}

extension GossipConfiguration {
    static let nameLimitBytes = 128

    /// What travels beside name and address.
    var meta: [UInt8] {
        get throws(GossipError) {
            switch delegate {
            case .serf:
                guard let meta = Tags.encode(tags) else { throw .tagsTooLarge }
                return meta
            case .application(let delegate):
                guard tags.isEmpty else { throw .needsSerf }
                guard delegate.metadata.count <= Tags.limitBytes else { throw .tagsTooLarge }
                return delegate.metadata
            }
        }
    }

    /// Own names are held to what every version takes without a second thought.
    static func isValidName(_ name: String) -> Bool {
        (1...nameLimitBytes).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }
}
