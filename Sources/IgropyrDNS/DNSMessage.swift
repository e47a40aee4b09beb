/// A message of the DNS (RFC 1035), as far as service discovery needs it.
public struct DNSMessage: Hashable, Sendable {
    public struct Question: Hashable, Sendable {
        public var name: DNSName
        public var type: UInt16
        /// Multicast only: whether an answer may come to the asker alone (RFC 6762 §5.4).
        public var wantsUnicast = false

        public init(_ name: DNSName, type: UInt16, wantsUnicast: Bool = false) {
            self.name = name
            self.type = type
            self.wantsUnicast = wantsUnicast
        }
    }

    public var id: UInt16 = 0
    public var isResponse = false
    public var isAuthoritative = false
    /// Whether more than this was to be said (TC).
    public var isTruncated = false
    /// 0: a plain query.
    public var operation: UInt8 = 0
    /// 0: no error; 3: there is no such name.
    public var responseCode: UInt8 = 0
    public var questions: [Question] = []
    public var answers: [DNSRecord] = []
    public var additional: [DNSRecord] = []

    public init() {}
}

/// One record of class IN.
public struct DNSRecord: Hashable, Sendable {
    public enum Content: Hashable, Sendable {
        /// 4 bytes in network order.
        case address([UInt8])
        /// 16 bytes in network order.
        case address6([UInt8])
        case pointer(DNSName)
        case text([[UInt8]])
        /// RFC 2782.
        case service(Service)
        /// Of a type that is of no use here.
        case other(type: UInt16)
    }

    public struct Service: Hashable, Sendable {
        /// The lowest is asked first.
        public var priority: UInt16
        /// Among equal priorities, how often it is asked first, in proportion.
        public var weight: UInt16
        public var port: UInt16
        /// The root: the service is decidedly not there.
        public var target: DNSName

        public init(priority: UInt16, weight: UInt16, port: UInt16, target: DNSName) {
            self.priority = priority
            self.weight = weight
            self.port = port
            self.target = target
        }
    }

    public var name: DNSName
    /// In seconds; 0 takes it back.
    public var timeToLive: UInt32
    /// Multicast only: forget what others said about this name (RFC 6762 §10.2).
    public var isUnique = false
    public var content: Content

    public init(_ name: DNSName, timeToLive: UInt32, isUnique: Bool = false, _ content: Content) {
        self.name = name
        self.timeToLive = timeToLive
        self.isUnique = isUnique
        self.content = content
    }
}

/// The numbers of record types.
public enum DNSType {
    public static let address: UInt16 = 1
    public static let pointer: UInt16 = 12
    public static let text: UInt16 = 16
    public static let address6: UInt16 = 28
    public static let service: UInt16 = 33
    public static let any: UInt16 = 255
}

/// Bytes that are no message of the DNS, or one beyond the limits. Nothing of it counts.
public enum DNSError: Error, Hashable, Sendable {
    case truncated
    /// A label of a reserved kind, a name that is too long, or a pointer that leads forward or on and on.
    case malformedName
    /// A record whose content does not fit its length.
    case malformedRecord
    /// More questions or records than are read from one message.
    case tooMany
}
