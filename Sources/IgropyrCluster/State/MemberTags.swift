/// Serf tags by which members of a cluster tell what they are.
public enum MemberTags {
    static let role = "igropyr"
    static let node = "node"
    static let control = "control"
    private static let version = "v"

    public static func node(controlPort: UInt16) -> [String: String] {
        [role: node, control: "\(controlPort)", version: "\(ControlAPI.version)"]
    }

    public static let balancer = [role: "balancer", version: "\(ControlAPI.version)"]

    /// Without those by which nodes and balancers are known for what they are.
    public static func chosen(of tags: [String: String]) -> [String: String] {
        tags[role] == nil ? tags : tags.filter { ![role, control, version].contains($0.key) }
    }
}
