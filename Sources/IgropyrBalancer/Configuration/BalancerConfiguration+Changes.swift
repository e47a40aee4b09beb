extension BalancerConfiguration {
    /// The keys of the file that differ from an earlier state of it, among those that hold from a balancer's start to
    /// its end: all but applications, routes and the default.
    public func fixedKeys(differingFrom earlier: BalancerConfiguration) -> [String] {
        var keys: [String] = []
        func compare<Value: Equatable>(_ key: String, _ value: (BalancerConfiguration) -> Value) {
            if value(self) != value(earlier) { keys.append(key) }
        }
        compare("listen", \.listeners)
        compare("loops", \.loops)
        compare("forwarded", \.forwarded)
        compare("limits", \.limits)
        compare("retry-budget", \.retryBudget)
        compare("hold-time", \.holdTime)
        compare("repeatable-body", \.repeatableBodyBytes)
        compare("drain-timeout", \.drainTimeout)
        compare("access-log", \.accessLog)
        return keys
    }
}
