public import ArgumentParser
public import Igropyr
import IgropyrBalancer

/// What a balancer tells of its requests, as options.
struct BalancerInsightOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Write a line for each request to this file, - for standard output. SIGUSR1 has it opened anew.",
            valueName: "file"), transform: nonempty)
    var accessLog: String?

    @Option(
        help: ArgumentHelp(
            "How those lines look. Default: combined, or as the file of --config says.",
            valueName: "common|combined|json"))
    var accessLogFormat: AccessLog.Format?

    @Option(
        help: ArgumentHelp(
            "Answer /metrics (for Prometheus), /health, /workers and /explain here. Whoever reaches the address may ask: choose a loopback one.",
            valueName: "address:port"), transform: EndpointArgument.init(parsing:))
    var admin: EndpointArgument?

    @Flag(help: "Begin a trace (traceparent) for requests that come without.")
    var startTraces = false

    @Flag(name: .customLong("add-request-ids"), help: "Give requests that come without an X-Request-ID one.")
    var addRequestIDs = false

    func validate() throws {
        if let admin, !admin.hasPort { throw ValidationError("--admin takes an address with its port.") }
        if accessLog == "" { throw ValidationError("--access-log takes a file, or - for standard output.") }
    }

    /// The log of these options, which go before a configuration file's.
    func accessLog(before fileLog: AccessLog?) throws -> AccessLog? {
        var log = accessLog.map { AccessLog(to: $0 == "-" ? .standardOutput : .file($0)) } ?? fileLog
        guard let accessLogFormat else { return log }
        guard log != nil else { throw ValidationError("--access-log-format needs an --access-log.") }
        log?.format = accessLogFormat
        return log
    }

    func settings(before fileLog: AccessLog?) async throws -> InsightSettings {
        var settings = InsightSettings()
        settings.accessLog = try accessLog(before: fileLog)
        settings.admin = try await admin?.address(defaultPort: 0, option: "--admin")
        settings.startsTraces = startTraces
        settings.addsRequestIDs = addRequestIDs
        return settings
    }
}

extension AccessLog.Format: ExpressibleByArgument {}
