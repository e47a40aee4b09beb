public import FoundationEssentials
public import IgropyrCoding
public import IgropyrInsight
public import IgropyrTransport
public import Logging
public import Metrics
public import IgropyrUV

extension App {
    /// The settings of an application. Each is checked when a server starts.
    public struct Configuration: Sendable {
        /// Where failures of handlers are reported.
        public var logger = Logger(label: "igropyr")
        /// Where to listen; see ``App/run(host:port:)``.
        public var host: String?
        public var port: UInt16?
        /// Whether ``App/run(host:port:)`` ends by SIGTERM, SIGINT and SIGQUIT. Set it to false in a `ServiceGroup`,
        /// which hears signals for all its services and tells them to shut down.
        public var handlesSignals = true
        /// Event loops, each on a thread of its own; as many as there are processors for this process, up to 64.
        public var loops = min(64, CurrentProcess.availableCores)
        /// What bounds the connections of each loop.
        public var server = HTTPServerSettings()
        /// Connections from one client over all loops; further ones are closed unanswered. Nil for no limit but
        /// ``HTTPServerSettings/connections``: behind a proxy all clients have its address. IPv6 clients count by /64.
        public var connectionsPerClient: Int?
        /// Bytes that a request's body may have; more is answered 413. Groups and routes may set their own.
        public var bodyLimit = 1 << 20
        /// How responses of handlers are compressed for clients that can read it; nil for not at all. Groups may have
        /// their own, and ``RouteBuilder/files(_:from:_:)`` has.
        public var compression: Compression?
        /// How values become the JSON of responses, and the JSON of requests values, wherever a handler does not name
        /// another coder. Set strategies, such as for dates or keys, before the application starts.
        public var jsonEncoder = JSONEncoder.forBodies
        public var jsonDecoder = JSONDecoder.forBodies
        /// Certificates to serve by, https alone; nil serves plain http. The files are read when the application
        /// starts, and again when ``App/run(host:port:)`` gets SIGHUP or by ``RunningServer/reloadTLS()``.
        public var tls: TLSConfiguration?
        /// How long a handler with `await` may take from the request's head to its response's; then its task is
        /// cancelled and the client told 503. Nil for no limit. Groups and routes may set their own. A body that is
        /// streamed afterwards takes as long as it takes.
        public var timeout: Duration? = .seconds(60)
        /// How long requests in flight may take to finish once the application is told to stop; then they are cut.
        public var drainTimeout = Duration.seconds(10)

        /// A line for each request; nil for none.
        public var accessLog: AccessLog?
        /// Further ones, by names that handlers choose from by ``Request/accessLogName``: for the hosts of a site, say.
        public var accessLogs: [String: AccessLog] = [:]
        /// Makes the line of a request, without its end, in place of the logs' formats; nil leaves the request out.
        /// Runs on the loop: it must not block. What clients sent has to be escaped.
        public var accessLogLine: (@Sendable (RequestSummary) -> String?)?
        /// Called when the access logs are opened anew, for logs that the application keeps besides; see
        /// ``App/run(host:port:)``.
        public var onReopeningLogs: (@Sendable () -> Void)?
        /// Called at SIGHUP, before the files of ``tls`` are read anew: for what else an application goes by. It says
        /// itself in the log how that went.
        /// - Returns: Whether it has seen to the certificates, too, by ``RunningServer/reloadTLS(by:)``.
        package var onReload: (@Sendable (RunningServer) async -> Bool)?
        /// Who the process goes on as once it listens: for a port below 1024, which only root may open. The files of
        /// ``tls`` and of access logs are opened before.
        public var owner: ProcessOwner?
        /// Called on each loop once no request will come any more: what was opened there has to be closed.
        package var loopWillEnd: (@Sendable (EventLoop) -> Void)?
        /// Who keeps the metrics of requests; nil for whom `MetricsSystem` was bootstrapped with, and if it was not, no
        /// request is counted.
        public var metricsFactory: (any MetricsFactory)?

        public init() {}

        /// - Throws: ``InvalidSetting``.
        func check() throws(InvalidSetting) {
            try InvalidSetting.require("loops", loops, loops > 0 && loops <= 1024, "1 to 1024")
            try InvalidSetting.require("bodyLimit", bodyLimit, bodyLimit >= 0, "0 or more")
            try InvalidSetting.require(
                "timeout", timeout ?? .seconds(1), timeout ?? .seconds(1) > .zero, "more than 0, or nil")
            try InvalidSetting.require("drainTimeout", drainTimeout, drainTimeout >= .zero, "0 or more")
            let perClient = connectionsPerClient ?? 1
            try InvalidSetting.require("connectionsPerClient", perClient, perClient > 0, "1 or more, or nil")
            for log in accessLogs.values + (accessLog.map { [$0] } ?? []) {
                try InvalidSetting.require(
                    "accessLog.waitingBytes", log.waitingBytes, log.waitingBytes > 0, "1 or more")
            }
            try checkServer()
            try checkHTTP2()
        }

        private func checkServer() throws(InvalidSetting) {
            try InvalidSetting.require("server.connections", server.connections, server.connections > 0, "1 or more")
            let perConnection = server.requestsPerConnection
            try InvalidSetting.require("server.requestsPerConnection", perConnection, perConnection > 0, "1 or more")
            let rate = server.minimumBytesPerSecond
            try InvalidSetting.require("server.minimumBytesPerSecond", rate, rate >= 0, "0 or more")
            let unread = server.unreadBodyBytes
            try InvalidSetting.require("server.unreadBodyBytes", unread, unread >= 0, "0 or more")
            let times = [
                ("server.handshakeTimeout", server.handshakeTimeout), ("server.headTimeout", server.headTimeout),
                ("server.idleTimeout", server.idleTimeout), ("server.progressTimeout", server.progressTimeout),
                ("server.lingerTimeout", server.lingerTimeout),
                ("tls.handshakeTimeout", tls?.handshakeTimeout ?? server.handshakeTimeout),
            ]
            for (name, time) in times { try InvalidSetting.require(name, time, time > .zero, "more than 0") }
            let graces = [("drainIdleTimeout", server.drainIdleTimeout), ("rateGrace", server.rateGrace)]
            for (name, time) in graces {
                try InvalidSetting.require("server.\(name)", time, time >= .zero, "0 or more")
            }
            let bounds = [
                ("pipelineBytes", server.pipelineBytes), ("highWaterBytes", server.highWaterBytes),
                ("limits.targetBytes", server.limits.targetBytes), ("limits.headBytes", server.limits.headBytes),
                ("limits.fields", server.limits.fields), ("limits.chunkLineBytes", server.limits.chunkLineBytes),
            ]
            for (name, bound) in bounds { try InvalidSetting.require("server.\(name)", bound, bound > 0, "1 or more") }
            if case .required(let networks) = server.proxyProtocol {
                try InvalidSetting.require(
                    "server.proxyProtocol", server.proxyProtocol, !networks.isEmpty, "off, or networks")
            }
        }

        private func checkHTTP2() throws(InvalidSetting) {
            let http2 = server.http2
            let counts = [
                ("concurrentStreams", http2.concurrentStreams, 1),
                ("streamWindowBytes", http2.streamWindowBytes, 65_535),
                ("connectionWindowBytes", http2.connectionWindowBytes, 65_535),
                ("streamHighWaterBytes", http2.streamHighWaterBytes, 1), ("queuedFrames", http2.queuedFrames, 1),
                ("resets", http2.resets, 1), ("resetsPerSecond", http2.resetsPerSecond, 1),
                ("overheadBytes", http2.overheadBytes, 1), ("overheadBytesPerSecond", http2.overheadBytesPerSecond, 1),
            ]
            for (name, count, least) in counts {
                let isValid = count >= least && count <= Int32.max
                try InvalidSetting.require("server.http2.\(name)", count, isValid, "\(least) to \(Int32.max)")
            }
        }
    }
}

/// A setting that cannot be meant.
public struct InvalidSetting: Error, Hashable, Sendable, CustomStringConvertible {
    public let name: String
    public let value: String
    let expected: String

    public var description: String { "the setting \(name) is \(value): set it to \(expected)" }

    static func require(
        _ name: String, _ value: some Sendable, _ isValid: Bool, _ expected: String
    ) throws(InvalidSetting) {
        guard isValid else { throw InvalidSetting(name: name, value: "\(value)", expected: expected) }
    }
}
