internal import HTTPTypes
internal import Igropyr
internal import IgropyrConfiguration

/// Reads what may stand in a site's file, in a host of it, for a path and in an access file alike: changes to whatever
/// rules there are above.
struct RulesReader {
    private let section: Section
    private let folder: SiteFolder
    private var steps: [FolderRules.Change] = []

    private init(_ section: Section, _ folder: SiteFolder) {
        self.section = section
        self.folder = folder
    }

    static func change(_ section: Section, _ folder: SiteFolder) -> FolderRules.Change {
        var reader = RulesReader(section, folder)
        reader.readFiles()
        reader.readListing()
        reader.readFields()
        reader.readAccess()
        reader.readPaths()
        reader.readRate()
        reader.readSentFolders()
        reader.read("body", .bytes(in: 0...(1 << 40))) { $0.bodyBytes = $1 }
        return { [steps = reader.steps] rules in for step in steps { step(&rules) } }
    }

    /// Makes the change if the key is there.
    private mutating func read<Value: Sendable>(
        _ key: String, _ schema: Schema<Value>, change: @escaping @Sendable (inout FolderRules, Value) -> Void
    ) {
        guard let value = section.value(key, schema) else { return }
        steps.append { rules in change(&rules, value) }
    }

    private mutating func readFiles() {
        read("index", .list(of: .fileName, limit: 32)) { $0.indexFiles = $1 }
        read("types", .mapping(keys: .fileEnd, values: .mediaType)) { rules, types in
            for (end, type) in types { rules.types[end] = type }
        }
        read("default-type", .mediaType) { $0.defaultType = $1 }
        read("handlers", .mapping(keys: .fileEnd, values: .handling(in: folder), limit: 100)) { rules, handlers in
            for (end, handling) in handlers { rules.handlers[end] = handling }
        }
        read("dotfiles", .bool) { $0.servesDotfiles = $1 }
        read("path-info", .bool) { $0.allowsPathInfo = $1 }
        read("compress", .bool) { $0.compresses = $1 }
        read("cache-control", .caching) { $0.cacheControl = $1 }
    }

    private mutating func readListing() {
        let listing = Schema<FolderListing?>.short(
            Schema<Bool>.bool.map { $0 ? FolderListing() : nil },
            or: Schema<FolderListing>.listing(in: folder).map { Optional($0) })
        read("listing", listing) { $0.listing = $1 }
    }

    private mutating func readFields() {
        read("headers", .mapping(keys: .fieldName, values: .fieldValue, limit: 64)) { rules, fields in
            for (name, value) in fields {
                rules.fields.removeAll { $0.name == name }
                rules.fields.append((name, value))
            }
        }
        read("status-pages", .mapping(keys: .status, values: .rootedPath, limit: 64)) { rules, pages in
            for (status, path) in pages { rules.statusPages[status] = path }
        }
    }

    private mutating func readAccess() {
        let networks = Schema<[IPNetwork]>.oneOrMore(of: .network, limit: 256)
        let rule = NetworkRule(
            allowed: section.value("allow", networks) ?? [], denied: section.value("deny", networks) ?? [])
        if section.has("allow") || section.has("deny") { steps.append { $0.networks.append(rule) } }
        read("authentication", .off(or: .authentication)) { $0.authentication = $1 }
    }

    private mutating func readRate() {
        let rate = section.value("requests-per-second", .off(or: .decimal(in: 0.01...1_000_000)))
        let burst = section.value("request-burst", .integer(in: 0...1_000_000)) ?? 100
        if section.has("request-burst"), !section.has("requests-per-second") {
            section.refuse("request-burst", "is of no use without \"requests-per-second\"")
        }
        guard let rate else { return }
        let limit = rate.map { RateLimit(requestsPerSecond: $0, burst: max(1, burst)) }
        steps.append { $0.rateLimit = limit }
    }

    private mutating func readSentFolders() {
        let folders = Schema<[(key: String, value: String)]>.mapping(keys: .governedPath, values: .path, limit: 100)
        read("send-files", folders) { [folder] rules, folders in
            rules.sentFolders = folders.map { name, path in
                var path = folder.resolve(path)
                while path.hasSuffix("/") { path.removeLast() }
                return FolderRules.SentFolder(name: name, folder: path)
            }
        }
    }

    private mutating func readPaths() {
        read("refuse", .mapping(keys: .string(bytes: 1...1024), values: .status)) { rules, patterns in
            var refusals = PathRefusals()
            for (pattern, status) in patterns { refusals.add(pattern, .init(code: status)) }
            rules.refusals.put(first: refusals)
        }
        read("redirects", .list(of: .pathRule(isRedirect: true), limit: 1000)) { $0.redirects = $1 + $0.redirects }
        read("rewrites", .list(of: .pathRule(isRedirect: false), limit: 1000)) { $0.rewrites = $1 + $0.rewrites }
        read("fallback", .off(or: .rootedPath)) { $0.fallback = $1 }
    }
}

extension Schema where Value == FolderRules.Change {
    /// An access file, or what a site's file says of a path; `folder` is the site's own.
    static func rules(in folder: SiteFolder) -> Schema<FolderRules.Change> {
        .section { section in RulesReader.change(section, folder) }
    }
}
