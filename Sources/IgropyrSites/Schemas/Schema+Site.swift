internal import Igropyr
internal import IgropyrConfiguration
internal import IgropyrUV

extension Schema where Value == Site {
    static func site(in folder: SiteFolder) -> Schema<Site> {
        .section { section in
            var site = Site(root: folder.resolve("web"))
            readServer(section, folder, into: &site)
            readHost(section, folder, into: &site.base)
            let base = site.base
            let hosts = section.value("hosts", .list(of: Schema<SiteHost>.host(like: base, folder), limit: 1000)) ?? []
            site.hosts = hosts
            refuseHidden(hosts, section)
            section.read("default-host", .hostName, into: &site.defaultHost)
            if let name = site.defaultHost, site.host(named: name) == nil {
                section.refuse("default-host", "no host of \"hosts\" has the name \(name)")
            }
            return site
        }
    }

    /// A name that a host before has is never asked of the later one.
    private static func refuseHidden(_ hosts: [SiteHost], _ section: Section) {
        for (index, host) in hosts.enumerated() {
            for pattern in host.patterns {
                let earlier = hosts[..<index].firstIndex { other in
                    pattern.onlyName.map(other.fits) ?? other.patterns.contains(pattern)
                }
                guard let earlier else { continue }
                section.refuse(
                    "hosts",
                    "hosts[\(index)] never answers for \(pattern): hosts[\(earlier)] does; put it before that one")
            }
        }
    }

    private static func readServer(_ section: Section, _ folder: SiteFolder, into site: inout Site) {
        if let listen = section.value("listen", .address) {
            (site.address, site.port) = (listen.host, listen.port)
        }
        section.read("connections", .integer(in: 1...1_000_000), into: &site.connections)
        section.read("loops", .integer(in: 1...1024), into: &site.loops)
        readOwner(section, into: &site)
        if let name = section.value("server-name", .off(or: .fieldValue)) { site.serverName = name }
        section.read("tls", .tls(in: folder), into: &site.tls)
        section.read("redirect-http", .address, into: &site.redirectsFrom)
        if section.has("redirect-http"), !section.has("tls") {
            section.refuse("redirect-http", "it needs \"tls\": without, there is no https to send clients to")
        }
        section.read("trusted-proxies", .list(of: .network, limit: 256), into: &site.trustedProxies)
        section.read("processes", .integer(in: 1...10_000), into: &site.processes)
        section.read("scheme", .schemeSettings, into: &site.scheme)
        section.read("development", .bool, into: &site.isDevelopment)
    }

    private static func readOwner(_ section: Section, into site: inout Site) {
        let (user, group) = (section.value("user", .string), section.value("group", .string))
        guard user != nil || group != nil else { return }
        do throws(ProcessOwner.Unknown) {
            site.owner = try ProcessOwner(user: user, group: group)
        } catch {
            section.refuse(error.isAboutGroup ? "group" : "user", error.description)
        }
    }

    fileprivate static func readHost(_ section: Section, _ folder: SiteFolder, into host: inout SiteHost) {
        if let root = section.value("root", .path) { host.root = folder.resolve(root) }
        if let name = section.value("access-file", .off(or: .fileName)) { host.accessFile = name }
        if let log = section.value("access-log", .off(or: .accessLog(in: folder))) { host.logs.access = log }
        if let file = section.value("error-log", .off(or: .path)) { host.logs.errorFile = file.map(folder.resolve) }
        if let file = section.value("debug-log", .off(or: .path)) { host.logs.debugFile = file.map(folder.resolve) }
        section.read("symlinks", .word(), into: &host.rules.symlinks)
        RulesReader.change(section, folder)(&host.rules)
        let paths = section.value("paths", .mapping(keys: .governedPath, values: .rules(in: folder))) ?? []
        if Set(paths.map(\.key)).count < paths.count {
            section.refuse("paths", "a path is there twice, once with a slash at its end")
        }
        for (path, change) in paths { host.paths[path] = change }
    }
}

extension Schema where Value == SiteHost {
    fileprivate static func host(like base: SiteHost, _ folder: SiteFolder) -> Schema<SiteHost> {
        .section { section in
            var host = base
            host.patterns = section.require("name", .oneOrMore(of: .hostPattern, limit: 64)) ?? []
            Schema<Site>.readHost(section, folder, into: &host)
            return host
        }
    }
}

extension Schema where Value == HostPattern {
    fileprivate static var hostPattern: Schema<HostPattern> {
        .text("a host's name without a port, in ASCII, maybe with * in it, or ~ and a regular expression") {
            HostPattern($0)
        }
    }
}

extension Schema where Value == SiteAccessLog {
    fileprivate static func accessLog(in folder: SiteFolder) -> Schema<SiteAccessLog> {
        .short(
            Schema<String>.path.map { SiteAccessLog(folder.resolve($0)) },
            or: .section { section in
                let file = section.require("file", .path)
                let format = section.value("format", Schema<AccessLog.Format>.word()) ?? .combined
                return file.map { SiteAccessLog(folder.resolve($0), format) }
            })
    }
}

extension Schema where Value == TLSConfiguration {
    fileprivate static func tls(in folder: SiteFolder) -> Schema<TLSConfiguration> {
        Schema<CertificateFiles>.certificateFiles.map { files in
            var tls = TLSConfiguration(
                certificates: files.pairs.map {
                    .init(chainFile: folder.resolve($0.certificate), keyFile: folder.resolve($0.key))
                })
            if let file = files.clientAuthority { tls.clientCertificates = .required(caFile: folder.resolve(file)) }
            return tls
        }
    }
}

extension Schema where Value == String {
    static var fileName: Schema<String> {
        .text("the name of a file, without a folder") { text in
            (1...255).contains(text.utf8.count) && !text.contains("/") && text != "." && text != ".." ? text : nil
        }
    }

    fileprivate static var hostName: Schema<String> {
        .text("a host's name") { HostPattern($0) == nil ? nil : $0.lowercased() }
    }

    static var fieldValue: Schema<String> {
        .text("a field's value: at most 4096 bytes of visible ASCII and blanks, none at its ends") { text in
            let isValue =
                (1...4096).contains(text.utf8.count) && text.utf8.allSatisfy { (0x20...0x7E).contains($0) }
                && text.first != " " && text.last != " "
            return isValue ? text : nil
        }
    }
}

extension Schema where Value == IPNetwork {
    static var network: Schema<IPNetwork> {
        .text("a network, such as 10.0.0.0/8 with no bit set behind its prefix, or an address") { IPNetwork($0) }
    }
}
