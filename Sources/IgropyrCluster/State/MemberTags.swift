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
}
