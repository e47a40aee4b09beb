/// The protocol versions that a member speaks: memberlist's and Serf's ("delegate").
struct Versions: Equatable, Sendable {
    let protocolMinimum, protocolMaximum, protocolCurrent: UInt8
    let delegateMinimum, delegateMaximum, delegateCurrent: UInt8

    /// What a Serf agent sends, and we.
    static let ours = Versions(
        protocolMinimum: 1, protocolMaximum: 5, protocolCurrent: 2, delegateMinimum: 2, delegateMaximum: 5,
        delegateCurrent: 5)

    /// Nil unless there are six bytes with a usable memberlist range.
    init?(_ bytes: [UInt8]) {
        guard bytes.count == 6, bytes[0] > 0, bytes[1] > 0, bytes[0] <= bytes[1] else { return nil }
        (protocolMinimum, protocolMaximum, protocolCurrent) = (bytes[0], bytes[1], bytes[2])
        (delegateMinimum, delegateMaximum, delegateCurrent) = (bytes[3], bytes[4], bytes[5])
    }

    private init(
        protocolMinimum: UInt8, protocolMaximum: UInt8, protocolCurrent: UInt8, delegateMinimum: UInt8,
        delegateMaximum: UInt8, delegateCurrent: UInt8
    ) {
        self.protocolMinimum = protocolMinimum
        self.protocolMaximum = protocolMaximum
        self.protocolCurrent = protocolCurrent
        self.delegateMinimum = delegateMinimum
        self.delegateMaximum = delegateMaximum
        self.delegateCurrent = delegateCurrent
    }

    init(_ delegate: ApplicationDelegate) {
        self.init(
            protocolMinimum: 1, protocolMaximum: 5, protocolCurrent: 2, delegateMinimum: delegate.minimumVersion,
            delegateMaximum: delegate.maximumVersion, delegateCurrent: delegate.currentVersion)
    }

    var bytes: [UInt8] {
        [protocolMinimum, protocolMaximum, protocolCurrent, delegateMinimum, delegateMaximum, delegateCurrent]
    }

    /// Whether each of us can speak what the other speaks now. Stricter than the reference, where one alive message with an odd
    /// range makes every merge of every member fail.
    func isCompatible(with ours: Versions) -> Bool {
        (protocolMinimum...protocolMaximum).contains(ours.protocolCurrent)
            && (ours.protocolMinimum...ours.protocolMaximum).contains(protocolCurrent)
            && delegateMinimum <= ours.delegateCurrent && ours.delegateCurrent <= delegateMaximum
            && (ours.delegateMinimum...ours.delegateMaximum).contains(delegateCurrent)
    }

    var answersStreamPings: Bool { protocolMaximum >= 3 }
    var sendsNacks: Bool { protocolMaximum >= 4 }
    var understandsChecksum: Bool { protocolMaximum >= 5 }
}
