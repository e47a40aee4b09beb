internal import IgropyrConfiguration

extension Schema where Value == FileHandling {
    /// `file`; what is done with pages; or what runs or answers.
    static func handling(in folder: SiteFolder) -> Schema<FileHandling> {
        .short(
            .enumeration([
                "file": .file, "cgi": .cgi(CGISettings()), "ssp": .schemePage(SchemeTags()), "ws": .schemeValue,
                "mustache": .mustache,
            ]),
            or: .oneOf([
                "cgi": Schema<CGISettings>.cgi.map { .cgi($0) },
                "fastcgi": Schema<GatewaySettings>.gateway(keepsConnections: true).map { .fastCGI($0) },
                "scgi": Schema<GatewaySettings>.gateway(keepsConnections: false).map { .scgi($0) },
                "ssp": Schema<SchemeTags>.schemeTags.map { .schemePage($0) },
            ]))
    }
}

extension Schema where Value == CGISettings {
    fileprivate static var cgi: Schema<CGISettings> {
        .section { section in
            var cgi = CGISettings()
            section.read("interpreter", .interpreter, into: &cgi.interpreter)
            for (name, value) in section.value("environment", .environment) ?? [] { cgi.environment[name] = value }
            section.read("timeout", .gatewayTimeout, into: &cgi.timeout)
            return cgi
        }
    }
}

extension Schema where Value == [String] {
    static var interpreter: Schema<[String]> {
        Schema<[String]>.oneOrMore(of: .string(bytes: 1...4096), limit: 32)
            .checked("the interpreter's whole path, then its first arguments") { $0[0].hasPrefix("/") }
    }
}

extension Schema where Value == GatewaySettings {
    fileprivate static func gateway(keepsConnections: Bool) -> Schema<GatewaySettings> {
        .short(
            Schema<GatewayAddress>.gatewayAddress.map { GatewaySettings($0) },
            or: .section { section in
                guard let address = section.require("address", .gatewayAddress) else {
                    return read(section, keepsConnections, GatewaySettings(.unix("/"))).flatMap { _ in nil }
                }
                return read(section, keepsConnections, GatewaySettings(address))
            })
    }

    private static func read(
        _ section: Section, _ keepsConnections: Bool, _ settings: GatewaySettings
    ) -> GatewaySettings? {
        var settings = settings
        for (name, value) in section.value("environment", .environment) ?? [] { settings.environment[name] = value }
        section.read("root", .path, into: &settings.root)
        section.read("timeout", .gatewayTimeout, into: &settings.timeout)
        section.read("connections", .integer(in: 1...10_000), into: &settings.connections)
        if keepsConnections {
            section.read("idle-connections", .integer(in: 0...1000), into: &settings.idleConnections)
        }
        return settings
    }
}

extension Schema where Value == GatewayAddress {
    fileprivate static var gatewayAddress: Schema<GatewayAddress> {
        .text("where it listens, such as unix:/run/php/php-fpm.sock or 127.0.0.1:9000") { GatewayAddress($0) }
    }
}

extension Schema where Value == Duration {
    fileprivate static var gatewayTimeout: Schema<Duration> { .duration(in: .milliseconds(10)...(.seconds(86_400))) }
}

extension Schema where Value == [(key: String, value: String)] {
    static var environment: Schema<[(key: String, value: String)]> {
        .mapping(keys: .variableName, values: .string(bytes: 0...4096), limit: 100)
    }
}

extension Schema where Value == String {
    /// Not `HTTP_PROXY`: a client chooses what programs believe that to be (CVE-2016-5385).
    fileprivate static var variableName: Schema<String> {
        .text("a variable's name, and not HTTP_PROXY") { text in
            let isName = text.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x61...0x7A).contains($0 | 0x20) || $0 == UInt8(ascii: "_")
            }
            return isName && (1...256).contains(text.utf8.count) && text != "HTTP_PROXY" ? text : nil
        }
    }
}
