/// Something that reads what a peer sends, and what must hold whatever that is.
protocol FuzzTarget: SendableMetatype {
    /// As in `Fuzz/Corpus`.
    static var name: String { get }
    /// Traps when a promise is broken. Whatever lives longer than a call behaves as if it did not: a crash must come
    /// again from its input alone.
    static func run(_ input: [UInt8])
}

let targets: [any FuzzTarget.Type] = [
    RequestTarget.self, ResponseTarget.self, ChunkedTarget.self, TargetTarget.self, FieldsTarget.self,
    MultipartTarget.self, WebSocketTarget.self, DeflateTarget.self, HTTP2HeadTarget.self, RouteTarget.self,
    TLSTarget.self, HTTP1Target.self, HTTP2Target.self, GossipTarget.self, MessagePackTarget.self, RecordsTarget.self,
    DNSTarget.self, ProxyHeaderTarget.self, BundleIndexTarget.self, ArchiveTarget.self, ConfigurationTarget.self,
    PatternTarget.self, BalancerTarget.self, CookieTarget.self, EnvelopeTarget.self, FastCGITarget.self,
    GatewayHeadTarget.self, EventStreamTarget.self, LogTarget.self, ForwardedTarget.self, PathTarget.self,
    LocationTarget.self,
]
