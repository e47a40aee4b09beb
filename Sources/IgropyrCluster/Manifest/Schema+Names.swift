package import IgropyrConfiguration
package import IgropyrOrchestration

extension Schema where Value == ApplicationName {
    package static var application: Schema<ApplicationName> {
        .text(ApplicationName.rule) { ApplicationName(rawValue: $0) }
    }
}

extension Schema where Value == HashKey {
    package static var hashKey: Schema<HashKey> {
        .text("a hash key such as path or header:NAME") { (text: String) throws(HashKey.Invalid) in
            try HashKey(parsing: text)
        }
    }
}
