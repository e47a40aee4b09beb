internal import IgropyrConfiguration
internal import IgropyrOrchestration

extension Schema where Value == UpdatePolicy {
    static var update: Schema<UpdatePolicy> {
        .section { section in
            var policy = UpdatePolicy()
            section.read("max-unavailable", .share, into: &policy.maxUnavailable)
            section.read("max-surge", .share, into: &policy.maxSurge)
            section.read("canary", .integer(in: 0...Placement.maximumTotal), into: &policy.canary)
            section.read("canary-hold", .milliseconds(from: 0), into: &policy.canaryHoldMilliseconds)
            section.read("health-deadline", .milliseconds(from: 1), into: &policy.healthDeadlineMilliseconds)
            section.read("min-healthy", .milliseconds(from: 0), into: &policy.minimumHealthyMilliseconds)
            section.read("rollback", .bool, into: &policy.rollsBack)
            return policy
        }
    }
}

extension Schema where Value == UpdatePolicy.Share {
    fileprivate static var share: Schema<UpdatePolicy.Share> {
        .text("a number up to \(Placement.maximumTotal), or a percentage such as 25%") { UpdatePolicy.Share($0) }
    }
}
