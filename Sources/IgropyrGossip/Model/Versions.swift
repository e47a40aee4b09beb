/// The protocol versions that a member speaks: memberlist's and Serf's ("delegate").
struct Versions: Equatable, Sendable {
    let protocolMinimum, protocolMaximum, protocolCurrent: UInt8
    let delegateMinimum, delegateMaximum, delegateCurrent: UInt8

    /// What a Serf agent sends, and we.
    static let ours = Versions(
        protocolMinimum: 1, protocolMaximum: 5, protocolCurrent: 2, delegateMinimum: 2, delegateMaximum: 5,
        delegateCurrent: 5)

    /// Nil unless there are six bytes.
    init?(_ bytes: ArraySlice<UInt8>) {
        guard bytes.count == 6 else { return nil }
        let first = bytes.startIndex
        (protocolMinimum, protocolMaximum, protocolCurrent) = (bytes[first], bytes[first + 1], bytes[first + 2])
        (delegateMinimum, delegateMaximum, delegateCurrent) = (bytes[first + 3], bytes[first + 4], bytes[first + 5])
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

    /// Whether each of us can speak what the other speaks now. Stricter than the reference, where one alive message
    /// with an odd range makes every merge of every member fail.
    func isCompatible(with ours: Versions) -> Bool {
        protocolMinimum > 0 && protocolMinimum <= ours.protocolCurrent && ours.protocolCurrent <= protocolMaximum
            && (ours.protocolMinimum...ours.protocolMaximum).contains(protocolCurrent)
            && delegateMinimum <= ours.delegateCurrent && ours.delegateCurrent <= delegateMaximum
            && (ours.delegateMinimum...ours.delegateMaximum).contains(delegateCurrent)
    }

    var answersStreamPings: Bool { protocolMaximum >= 3 }
    var sendsNacks: Bool { protocolMaximum >= 4 }
    var understandsChecksum: Bool { protocolMaximum >= 5 }
}

/// What each of several members can speak.
struct CommonVersions {
    private var protocols: (low: UInt8, high: UInt8) = (.min, .max)
    private var delegates: (low: UInt8, high: UInt8) = (.min, .max)

    mutating func narrow(to versions: Versions) {
        protocols.low = max(protocols.low, versions.protocolMinimum)
        protocols.high = min(protocols.high, versions.protocolMaximum)
        delegates.low = max(delegates.low, versions.delegateMinimum)
        delegates.high = min(delegates.high, versions.delegateMaximum)
    }

    /// Whether a member speaks that now; one that does not say speaks 0.
    func includes(_ versions: Versions?) -> Bool {
        let (spoken, delegate) = (versions?.protocolCurrent ?? 0, versions?.delegateCurrent ?? 0)
        return protocols.low <= spoken && spoken <= protocols.high && delegates.low <= delegate
            && delegate <= delegates.high
    }
}
