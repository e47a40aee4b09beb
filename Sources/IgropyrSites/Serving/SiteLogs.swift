internal import FoundationEssentials
internal import IgropyrInsight
internal import IgropyrUV
internal import Logging

/// The error and debug logs of a site, each file open once.
final class SiteLogs: Sendable {
    private let open: Locked<[String: AccessLogWriter]>
    /// Of the base when the server was started: where its own messages go, too.
    private let first: [String]
    private let fallback = Logger(label: "igropyr")

    private var files: [String: AccessLogWriter] { open.withLock { $0 } }

    /// - Throws: as ``add(_:)``.
    init(_ site: Site) throws {
        open = Locked([:])
        first = site.base.logs.messageFiles
        try add(site)
    }

    /// Opens those of another site, which may take this one's place, besides, up to one that cannot be written.
    /// - Throws: ``SiteMistake`` that names the file.
    func add(_ site: Site) throws {
        var files = files
        defer { open.withLock { [files] in $0 = files } }
        for logs in [site.base.logs] + site.hosts.map(\.logs) {
            for file in logs.messageFiles where files[file] == nil {
                do throws(UVError) {
                    files[file] = try AccessLogWriter(AccessLog(to: .file(file)), logger: fallback)
                } catch {
                    throw SiteMistake(log: file, error)
                }
            }
        }
    }

    /// Lets go of all but the site's: each is closed once no request is answered by what was said before.
    func keep(_ site: Site) {
        let names = Set(([site.base.logs] + site.hosts.map(\.logs)).flatMap(\.messageFiles) + first)
        open.withLock { open in open = open.filter { names.contains($0.key) } }
    }

    var isEmpty: Bool { files.isEmpty }

    func logger(for logs: HostLogs) -> Logger {
        let errors = logs.errorFile.flatMap { files[$0] }
        let debug = logs.debugFile.flatMap { files[$0] }
        guard errors != nil || debug != nil else { return fallback }
        return Logger(label: "site") { [fallback] _ in SiteLogHandler(errors: errors, debug: debug, fallback: fallback)
        }
    }

    func reopen() { for file in files.values { file.reopen() } }

    func stop() async { await files.values.stop() }
}

extension HostLogs {
    fileprivate var messageFiles: [String] { [errorFile, debugFile].compactMap(\.self) }
}

/// What keeps a site from being served.
public struct SiteMistake: Error, Sendable, Hashable, CustomStringConvertible {
    public let description: String
}

extension SiteMistake {
    init(log file: String, _ error: UVError) {
        self.init(description: "the log \(file) cannot be written: \(error.reason)")
    }
}

/// Writes a host's messages: from info on to its error log, those for debugging to its debug log.
private struct SiteLogHandler: LogHandler {
    let errors: AccessLogWriter?
    let debug: AccessLogWriter?
    let fallback: Logger
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level

    init(errors: AccessLogWriter?, debug: AccessLogWriter?, fallback: Logger) {
        self.errors = errors
        self.debug = debug
        self.fallback = fallback
        logLevel = debug == nil ? fallback.logLevel : .trace
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { _, new in new }
        guard let file = event.level < .info ? debug : errors else {
            if event.level >= fallback.logLevel { fallback.log(level: event.level, event.message, metadata: all) }
            return
        }
        let details = all.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ", ")
        var line = Array("\(Date.now.formatted(.iso8601)) \(event.level) ".utf8)
        // What came from outside ends no line.
        line.append(escaped: "\(event.message)\(details.isEmpty ? "" : " (\(details))")", as: .quoted)
        file.write(line + [UInt8(ascii: "\n")], lines: 1)
    }
}
