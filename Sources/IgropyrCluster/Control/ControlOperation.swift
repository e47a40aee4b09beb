internal import IgropyrBundles
internal import IgropyrHTTP

/// What the control API can be asked, by how it is answered.
enum ControlOperation: Hashable {
    case message(Message)
    case stream(Stream)
    case bundle(BundleTransfer)
    case chunk(ChunkTransfer)

    /// One message, maybe none, is answered by one.
    enum Message: CaseIterable {
        case status, state, exchange, applications, deploy, remove
        case members, coordinates, sendEvent, forceLeave, leave, setSecret
        case change, history, schedule, plan, audit, top
        case admission
        case certificates, setCertificate, removeCertificate

        /// Whether a node that stops refuses it.
        var isChange: Bool { isDecision || self == .schedule }

        /// Whether it makes an entry that all hosts are to take.
        var isDecision: Bool {
            switch self {
            case .deploy, .remove, .change, .setSecret, .setCertificate, .removeCertificate: true
            default: false
            }
        }
    }

    /// One message, maybe none, is answered by lines as they come.
    enum Stream: CaseIterable { case events, query, keys, logs, exec, topics }

    /// What a bundle consists of.
    enum BundleTransfer: CaseIterable { case index, offer, holdings }

    /// One chunk of a bundle.
    enum ChunkTransfer: CaseIterable { case fetch, store }

    static var all: [ControlOperation] {
        Message.allCases.map { .message($0) } + Stream.allCases.map { .stream($0) }
            + BundleTransfer.allCases.map { .bundle($0) } + ChunkTransfer.allCases.map { .chunk($0) }
    }
}

// MARK: - How they are asked

extension ControlOperation {
    /// Method and path, with the names of its parameters.
    var route: (HTTPMethod, String) {
        switch self {
        case .message(let message): message.route
        case .stream(let stream): stream.route
        case .bundle(.index): (.get, "/v1/bundles/:digest")
        case .bundle(.offer): (.put, "/v1/bundles/:digest")
        case .bundle(.holdings): (.get, "/v1/bundles/:digest/chunks")
        case .chunk(.fetch): (.get, "/v1/bundles/:digest/chunks/:chunk")
        case .chunk(.store): (.put, "/v1/bundles/:digest/chunks/:chunk")
        }
    }

    /// Of a request's body.
    var limitBytes: Int {
        switch self {
        case .message(let message): message.limitBytes
        case .stream: 64 << 10
        case .bundle(.offer): BundleIndex.limitBytes
        case .chunk(.store): ContentChunker.maximumBytes
        case .bundle(.index), .bundle(.holdings), .chunk(.fetch): 0
        }
    }
}

extension ControlOperation.Message {
    fileprivate var route: (HTTPMethod, String) {
        switch self {
        case .status: (.get, "/v1/status")
        case .state: (.get, "/v1/state")
        case .exchange: (.post, "/v1/state")
        case .applications: (.get, "/v1/applications")
        case .deploy: (.post, "/v1/applications")
        case .remove: (.delete, "/v1/applications/:name")
        case .members: (.get, "/v1/members")
        case .coordinates: (.get, "/v1/coordinates")
        case .sendEvent: (.post, "/v1/events")
        case .forceLeave: (.post, "/v1/force-leave")
        case .leave: (.post, "/v1/leave")
        case .setSecret: (.post, "/v1/secrets")
        case .change: (.post, "/v1/applications/:name/changes")
        case .history: (.get, "/v1/applications/:name")
        case .schedule: (.post, "/v1/scheduling")
        case .plan: (.post, "/v1/plan")
        case .audit: (.get, "/v1/audit")
        case .top: (.get, "/v1/top")
        case .admission: (.post, "/v1/admission")
        case .certificates: (.get, "/v1/certificates")
        case .setCertificate: (.post, "/v1/certificates")
        case .removeCertificate: (.delete, "/v1/certificates/:name")
        }
    }

    fileprivate var limitBytes: Int {
        switch self {
        case .status, .state, .applications, .remove, .members, .coordinates, .leave: 0
        case .history, .audit, .top, .admission, .certificates, .removeCertificate: 0
        case .sendEvent, .forceLeave, .change, .schedule, .setSecret, .setCertificate: 64 << 10
        case .deploy, .plan: 1 << 20
        case .exchange: ControlAPI.messageBytes
        }
    }
}

extension ControlOperation.Stream {
    fileprivate var route: (HTTPMethod, String) {
        switch self {
        case .events: (.get, "/v1/events")
        case .query: (.post, "/v1/queries")
        case .keys: (.post, "/v1/keys")
        case .logs: (.post, "/v1/logs")
        case .exec: (.post, "/v1/exec")
        case .topics: (.post, "/v1/topics")
        }
    }
}
