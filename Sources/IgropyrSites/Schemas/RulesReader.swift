internal import Igropyr
internal import IgropyrConfiguration
internal import IgropyrUV

/// Reads what may stand in a site's file, in a host of it and in an access file alike, on top of the rules there are.
struct RulesReader {
    private let section: Section
    private let folder: SiteFolder

    init(_ section: Section, _ folder: SiteFolder) {
        self.section = section
        self.folder = folder
    }

    func read(into rules: inout FolderRules) {
        readFiles(into: &rules)
        readListing(into: &rules)
        readFields(into: &rules)
        readAccess(into: &rules)
        readPaths(into: &rules)
        section.read("body", .bytes(in: 0...(1 << 40)), into: &rules.bodyBytes)
    }

    private func readFiles(into rules: inout FolderRules) {
        section.read("index", .list(of: .fileName, limit: 32), into: &rules.indexFiles)
        for (end, type) in section.value("types", .mapping(keys: .fileEnd, values: .mediaType)) ?? [] {
            rules.types[end] = type
        }
        section.read("default-type", .mediaType, into: &rules.defaultType)
        let handlers = section.value("handlers", .mapping(keys: .fileEnd, values: .handling(in: folder), limit: 100))
        for (end, handling) in handlers ?? [] { rules.handlers[end] = handling }
        section.read("dotfiles", .bool, into: &rules.servesDotfiles)
        section.read("path-info", .bool, into: &rules.allowsPathInfo)
        section.read("compress", .bool, into: &rules.compresses)
        if let caching = section.value("cache-control", .caching) { rules.cacheControl = caching }
    }

    private func readListing(into rules: inout FolderRules) {
        let listing = Schema<FolderListing?>.short(
            Schema<Bool>.bool.map { $0 ? FolderListing() : nil },
            or: Schema<FolderListing>.listing(in: folder).map { Optional($0) })
        if let listing = section.value("listing", listing) { rules.listing = listing }
    }

    private func readFields(into rules: inout FolderRules) {
        let fields = section.value("headers", .mapping(keys: .fieldName, values: .fieldValue, limit: 64)) ?? []
        for (name, value) in fields {
            rules.fields.removeAll { $0.name == name }
            rules.fields.append((name, value))
        }
        let pages = section.value(
            "status-pages", .mapping(keys: .status, values: .rootedPath, limit: 64))
        for (status, path) in pages ?? [] { rules.statusPages[status] = path }
    }

    private func readAccess(into rules: inout FolderRules) {
        let networks = Schema<[IPNetwork]>.oneOrMore(of: .network, limit: 256)
        let rule = NetworkRule(
            allowed: section.value("allow", networks) ?? [], denied: section.value("deny", networks) ?? [])
        if section.has("allow") || section.has("deny") { rules.networks.append(rule) }
        if let authentication = section.value("authentication", .off(or: .authentication)) {
            rules.authentication = authentication
        }
    }

    private func readPaths(into rules: inout FolderRules) {
        let redirects = section.value("redirects", .list(of: .pathRule(isRedirect: true), limit: 1000)) ?? []
        let rewrites = section.value("rewrites", .list(of: .pathRule(isRedirect: false), limit: 1000)) ?? []
        rules.redirects = redirects + rules.redirects
        rules.rewrites = rewrites + rules.rewrites
        if let fallback = section.value("fallback", .off(or: .rootedPath)) { rules.fallback = fallback }
    }
}

extension Schema where Value == FolderRules {
    /// An access file, on top of the rules of the folder above; `folder` is the site's own.
    static func accessFile(on rules: FolderRules) -> Schema<FolderRules> {
        .section { section in
            var rules = rules
            RulesReader(section, SiteFolder("")).read(into: &rules)
            return rules
        }
    }
}
