internal import IgropyrConfiguration
internal import IgropyrOrchestration

extension Schema where Value == [String: Secret] {
    /// Names that are variables, or names and how each is delivered.
    static var secrets: Schema<[String: Secret]> {
        let names = Schema<[String]>.oneOrMore(of: .secretName, limit: StateLimits.secrets)
        let mapping = Schema<[(key: String, value: Secret.Delivery)]>.mapping(
            keys: .secretName, values: .word(), limit: StateLimits.secrets)
        return .mapping(mapping.map(Self.byName), or: names.map { Self.byName($0.map { ($0, .environment) }) })
    }

    private static func byName(_ pairs: [(key: String, value: Secret.Delivery)]) -> [String: Secret] {
        Dictionary(pairs.map { ($0.key, Secret($0.value)) }, uniquingKeysWith: { first, _ in first })
    }
}

extension Schema where Value == String {
    fileprivate static var secretName: Schema<String> {
        .text("a secret's name: a letter or _, then letters, digits and _, at most \(StateLimits.secretNameBytes)") {
            DeploymentSpec.isVariable($0) && $0.utf8.count <= StateLimits.secretNameBytes ? $0 : nil
        }
    }
}
