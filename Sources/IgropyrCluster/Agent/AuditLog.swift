public import IgropyrOrchestration

/// Who asked a node for a change, as far as the control API can tell: everybody with the cluster's key may ask.
struct Caller: Sendable {
    /// What the client says of its user, `name@host`; nil if it says nothing.
    var user: String?
    /// Where it called from.
    var address: String?
}

/// One change that was asked for, or that a host made by itself.
public struct AuditEntry: Codable, Sendable, Hashable {
    /// An open set: a report of a later edition with an action that this one does not know is read and shown all the
    /// same.
    public struct Action: RawRepresentable, Codable, Sendable, Hashable {
        public let rawValue: String

        public init(rawValue: String) { self.rawValue = rawValue }

        public static let deploy = Action(rawValue: "deploy")
        public static let remove = Action(rawValue: "remove")
        public static let scale = Action(rawValue: "scale")
        public static let restart = Action(rawValue: "restart")
        public static let retry = Action(rawValue: "retry")
        public static let pause = Action(rawValue: "pause")
        public static let resume = Action(rawValue: "resume")
        public static let promote = Action(rawValue: "promote")
        public static let rollback = Action(rawValue: "rollback")
        public static let automaticRollback = Action(rawValue: "automaticRollback")
        public static let overruled = Action(rawValue: "overruled")
        public static let cordon = Action(rawValue: "cordon")
        public static let drain = Action(rawValue: "drain")
        public static let uncordon = Action(rawValue: "uncordon")
        public static let leave = Action(rawValue: "leave")
        public static let forceLeave = Action(rawValue: "forceLeave")
        public static let admit = Action(rawValue: "admit")
        public static let exec = Action(rawValue: "exec")
        public static let secret = Action(rawValue: "secret")
        public static let certificate = Action(rawValue: "certificate")
        public static let keys = Action(rawValue: "keys")
    }

    /// By the clock of the host.
    public var time: UnixTime
    public var host: HostName
    public var action: Action
    /// As the client says, `name@host`; nil for the cluster's own decisions.
    public var user: String?
    /// From where the client called.
    public var address: String?
    public var application: ApplicationName?
    public var revision: BundleDigest?
    /// For people; may be empty.
    public var detail: String
}

/// The answer to `GET /v1/audit`: the oldest first.
public struct AuditReport: Codable, Sendable, Hashable {
    public var version = ControlAPI.version
    public var host: HostName
    public var entries: [AuditEntry]
}

/// `audit.jsonl` in the data folder: what was changed by way of this host, and by whom. All calls block.
///
/// Bounded: a full file becomes `audit.jsonl.1`, in place of the one before.
struct AuditLog: Sendable {
    static let name = "audit.jsonl"
    static let limitBytes: Int64 = 4 << 20
    /// Of what one answer carries: the latest.
    private static let answerBytes = 1 << 20

    let path: String

    init(in folder: DataFolder) { path = "\(folder.path)/\(Self.name)" }

    func append(_ entry: AuditEntry, limitBytes: Int64 = Self.limitBytes) throws {
        if let status = try? FileSystem.status(of: path), status.byteCount >= limitBytes {
            try FileSystem.rename(path, to: path + ".1")
        }
        let file = try BlockingFile(path, .append(permissions: 0o600))
        try file.write(JSON.line(entry) + [UInt8(ascii: "\n")])
        try file.synchronize()
    }

    /// The latest entries, the oldest first. A line that is torn or of a later edition is passed over.
    func entries() -> [AuditEntry] {
        let files = [path + ".1", path].map { (try? BlockingFile($0, .read).readTail(upTo: Self.answerBytes)) ?? [] }
        return (files[0] + files[1]).suffix(Self.answerBytes).split(separator: UInt8(ascii: "\n"))
            .compactMap { try? JSON.decode(AuditEntry.self, from: $0) }
    }
}
