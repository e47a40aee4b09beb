internal import FoundationEssentials
internal import Igropyr
internal import IgropyrUV

extension Site {
    /// What its file names and is not there now: requests for it would be answered by an error, or by a page of ours.
    /// All of it may still come.
    public var remarks: [String] {
        var remarks: [String] = []
        for host in [base] + hosts {
            for remark in host.remarks(scheme) where !remarks.contains(remark) { remarks.append(remark) }
        }
        return remarks
    }
}

extension SiteHost {
    fileprivate func remarks(_ scheme: SchemeSettings) -> [String] {
        var host = self
        var remarks = host.ownRemarks(scheme)
        for (path, change) in paths.sorted(by: { $0.key < $1.key }) {
            host.rules = rules
            change(&host.rules)
            let known = Set(remarks)
            remarks += host.ownRemarks(scheme).filter { !known.contains($0) }.map { "\(path): \($0)" }
        }
        return remarks
    }

    private func ownRemarks(_ scheme: SchemeSettings) -> [String] {
        let handlings = rules.handlers.sorted { $0.key < $1.key }
        return handlings.compactMap { Self.remark($0.key, $0.value, scheme) } + fileRemarks
    }

    private static func remark(_ end: String, _ handling: FileHandling, _ scheme: SchemeSettings) -> String? {
        switch handling {
        case .cgi(let settings): settings.interpreter.first.flatMap { missing(program: $0, end) }
        case .schemePage, .schemeValue: scheme.interpreter.first.flatMap { missing(program: $0, end) }
        case .fastCGI(let settings), .scgi(let settings): missing(settings.address, end)
        case .file, .mustache, .custom: nil
        }
    }

    private static func missing(program: String, _ end: String) -> String? {
        guard !FileManager.default.isExecutableFile(atPath: program) else { return nil }
        return ".\(end): \(program) is no program that can be run; install it, or name another"
    }

    private static func missing(_ address: GatewayAddress, _ end: String) -> String? {
        guard case .unix(let path) = address.address, !FileManager.default.fileExists(atPath: path) else { return nil }
        return ".\(end): there is no socket \(path) now; start the program that listens there, or name its socket"
    }

    /// Nothing is said of files whose root cannot be opened: that is said of the root.
    private var fileRemarks: [String] {
        guard let folder = try? openRoot() else { return [] }
        var files = rules.statusPages.sorted { $0.key < $1.key }.map { ("status-pages: \($0.key)", $0.value) }
        if let fallback = rules.fallback { files.append(("fallback", fallback)) }
        let missingFiles = files.compactMap { key, path in
            let kind = try? FoundPath.kind(of: String(path.dropFirst()), in: folder)
            return kind == .file ? nil : "\(key): there is no file \(root)\(path)"
        }
        let missingFolders = rules.sentFolders.map(\.folder).filter { (try? Folder($0)) == nil }
        return missingFiles + missingFolders.map { "send-files: there is no folder \($0)" }
    }
}
