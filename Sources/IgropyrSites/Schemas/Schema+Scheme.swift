internal import IgropyrConfiguration

extension Schema where Value == SchemeSettings {
    static var schemeSettings: Schema<SchemeSettings> {
        .section { section in
            var scheme = SchemeSettings()
            section.read("interpreter", .interpreter, into: &scheme.interpreter)
            for (name, value) in section.value("environment", .environment) ?? [] { scheme.environment[name] = value }
            section.read("processes", .integer(in: 1...1000), into: &scheme.processes)
            section.read("timeout", .duration(in: .milliseconds(10)...(.seconds(86_400))), into: &scheme.timeout)
            section.read("memory", .bytes(in: (64 << 20)...(1 << 40)), into: &scheme.memoryBytes)
            section.read("output", .bytes(in: 1...(1 << 30)), into: &scheme.outputBytes)
            return scheme
        }
    }
}

extension Schema where Value == SchemeTags {
    static var schemeTags: Schema<SchemeTags> {
        let tag = Schema<String>.string(bytes: 1...64)
        return .section { section in
            var tags = SchemeTags()
            section.read("short-open-tag", tag, into: &tags.short)
            section.read("long-open-tag", tag, into: &tags.long)
            section.read("close-tag", tag, into: &tags.close)
            guard tags.short != tags.long else {
                section.refuse("long-open-tag", "the two opening tags are the same")
                return nil
            }
            return tags
        }
    }
}
