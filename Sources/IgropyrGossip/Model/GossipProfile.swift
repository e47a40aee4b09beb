/// The ready-made settings, by the names that operators give.
public enum GossipProfile: String, CaseIterable, Sendable {
    case fast
    case lan
    case wan
    case local

    public var settings: GossipSettings {
        switch self {
        case .fast: .fast
        case .lan: .lan
        case .wan: .wan
        case .local: .local
        }
    }
}
