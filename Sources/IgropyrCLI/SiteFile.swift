import Foundation
import IgropyrConfiguration
import IgropyrSites

extension Site {
    /// Where a folder's own site is described.
    static let fileName = "site.yaml"

    static func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    /// Reads a file.
    /// - Throws: What keeps it from being read, or all that is wrong in it.
    static func reading(_ path: String) throws -> Site {
        let bytes = try ConfigurationFile.bytes(of: path, called: path)
        do throws(ConfigurationError) {
            return try Site(bytes, file: path)
        } catch {
            throw CommandFailure(error.description)
        }
    }

    /// What was understood, for people.
    var summary: String {
        let place = port.map { "\(address ?? "127.0.0.1"):\($0)" } ?? "127.0.0.1:8080, or the environment's PORT"
        var lines = ["listen       \(place); \(connections.counting("connection"))\(tls == nil ? "" : "; TLS")"]
        if let redirectsFrom { lines.append("redirected   \(redirectsFrom), to https") }
        if let owner { lines.append("goes on as   \(owner)") }
        if let program { lines.append("program      \(program.file)") }
        if program?.servesFiles ?? true { lines += base.lines(named: "any other") }
        for host in hosts { lines += host.lines(named: host.patterns.map(\.description).joined(separator: ", ")) }
        if let defaultHost { lines.append("default      \(defaultHost)") }
        lines += remarks.map { "beware       \($0)" }
        return lines.joined(separator: "\n")
    }
}

extension SiteHost {
    fileprivate func lines(named name: String) -> [String] {
        var parts = [root, "index \(rules.indexFiles.joined(separator: ", "))"]
        if rules.listing != nil { parts.append("listing") }
        if let accessFile { parts.append("access file \(accessFile)") }
        if rules.authentication != nil { parts.append("authentication") }
        var lines = ["host         \(name): \(parts.joined(separator: "; "))"]
        for (end, handling) in rules.handlers.sorted(by: { $0.key < $1.key }) {
            lines.append("             .\(end): \(handling.summary)")
        }
        if !paths.isEmpty { lines.append("             paths: \(paths.keys.sorted().joined(separator: ", "))") }
        lines += rules.sentFolders.map { "             for programs: \($0.name) is \($0.folder)" }
        let logs = [
            logs.access.map { "access \($0.file) (\($0.format.rawValue))" }, logs.errorFile.map { "errors \($0)" },
            logs.debugFile.map { "debug \($0)" },
        ].compactMap { $0 }
        if !logs.isEmpty { lines.append("             logs: \(logs.joined(separator: "; "))") }
        return lines
    }
}

extension FileHandling {
    fileprivate var summary: String {
        switch self {
        case .file: "sent as it is"
        case .cgi(let settings):
            settings.interpreter.isEmpty ? "run by CGI" : "run by CGI: \(settings.interpreter.joined(separator: " "))"
        case .fastCGI(let settings): "FastCGI at \(settings.address)"
        case .scgi(let settings): "SCGI at \(settings.address)"
        case .schemePage: "a Scheme page"
        case .schemeValue: "a page that is the value of Scheme"
        case .mustache: "a Mustache template"
        case .custom: "answered by the program"
        }
    }
}
