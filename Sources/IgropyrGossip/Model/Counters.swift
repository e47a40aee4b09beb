/// What came, went, and was dropped, since the start.
public struct Counters: Hashable, Sendable {
    public var datagramsReceived = 0
    public var datagramsSent = 0
    /// Broken messages, unknown types included.
    public var malformed = 0
    public var badChecksums = 0
    public var badCompression = 0
    public var badLabels = 0
    /// Opened by none of our keys: another cluster's, a wrong key, or plain packets.
    public var undecryptable = 0
    public var plainStreams = 0
    public var tooLarge = 0
    public var pingsForOthers = 0
    public var unexpectedAcks = 0
    /// Alive messages with a broken address, name, metadata or version range.
    public var unusableMembers = 0
    /// Alive messages, and whole push/pulls, that the ``AdmissionPolicy`` refused.
    public var refusedMembers = 0
    public var nameConflicts = 0
    /// Whole push/pulls with a member that we cannot live with.
    public var incompatibleMerges = 0
    /// Claims that a member is dead, beyond how many may die at once: taken for suspicions.
    public var deathsDoubted = 0
    /// Lamport times and incarnations that would wrap a clock, or could not be outbid.
    public var implausibleTimes = 0
    public var staleEvents = 0
    public var refusedRelays = 0
    /// A table or queue was full.
    public var tableOverflows = 0
    public var refutations = 0
    public var probesSucceeded = 0
    public var probesFailed = 0
    /// Connections between neighbours that ended unasked.
    public var linksLost = 0
    /// Calls that came so late that we doubted ourselves (``GossipSettings/latenessLimit``).
    public var lateTimeouts = 0

    public init() {}

    /// What could not be read: broken, of another key, or too large.
    public var refusedMessages: Int {
        malformed + badChecksums + badCompression + badLabels + undecryptable + plainStreams + tooLarge
    }

    mutating func count(_ error: WireError) {
        switch error {
        case .truncated, .unexpectedType, .outOfRange, .malformedText, .tooDeep, .unknownMessage: malformed += 1
        case .badCompression: badCompression += 1
        case .tooLarge: tooLarge += 1
        case .badChecksum: badChecksums += 1
        case .badLabel: badLabels += 1
        case .undecryptable, .unexpectedEncryption: undecryptable += 1
        case .notEncrypted: plainStreams += 1
        }
    }
}
