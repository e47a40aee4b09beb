import IgropyrCluster
import IgropyrConfiguration
import IgropyrOrchestration

extension Manifest {
    /// What was understood, for people. No variable's value, since it may be a secret.
    func summary(of application: ApplicationName, _ bundle: BundleArchive.Summary) -> String {
        var lines = ["application  \(application)", "revision     \(bundle.text)"]
        lines.append("starts       \(bundle.kind.text)")
        lines.append("workers      \(namesScale ? "\(spec.scale)" : "as many as it has; if it is new, \(spec.scale)")")
        let texts = [
            ("only where", KeyValuePairs.text(spec.constraints)),
            ("rather where", KeyValuePairs.text(spec.preferences)),
            ("environment", spec.environment.keys.sorted().joined(separator: " ")),
            ("secrets", spec.secrets.keys.sorted().joined(separator: " ")),
            ("health", spec.health.map { "\($0.text), every \($0.intervalMilliseconds) ms" } ?? ""),
            ("updated", spec.update.map(\.text) ?? ""),
            ("confined", spec.confinement.text), ("routes", spec.routes.map(\.description).joined(separator: " ")),
            ("hash", spec.hashKey?.description ?? ""),
            ("encrypted", spec.isEncrypted ? "from balancers to workers, under keys made from the cluster's" : ""),
        ]
        for (title, text) in texts where !text.isEmpty {
            lines.append(title + String(repeating: " ", count: 13 - title.count) + text)
        }
        return lines.joined(separator: "\n")
    }
}

extension BundleArchive.Summary {
    fileprivate var text: String {
        let machines = index.machines.map(\.rawValue).joined(separator: " and ")
        let size = Quantity.text(bytes: Int(archiveBytes))
        return "\(digest.short), \(size)" + (machines.isEmpty ? "" : ", for \(machines)")
    }
}

extension DeploymentSpec.Kind {
    fileprivate var text: String {
        switch self {
        case .executable(let entry): entry
        case .site: "a site of the folder's files"
        }
    }
}

extension HealthCheck {
    fileprivate var text: String { if case .http(let path) = probe { "GET \(path)" } else { "tcp" } }
}

extension UpdatePolicy {
    fileprivate var text: String {
        let parts = [
            "at most \(maxUnavailable) missing and \(maxSurge) beside",
            canary == 0 ? nil : "canary \(canary) \(canaryHoldMilliseconds.map { "for \($0) ms" } ?? "until promoted")",
            "ready within \(healthDeadlineMilliseconds) ms for \(minimumHealthyMilliseconds) ms",
            rollsBack ? nil : "no rollback",
        ]
        return parts.compactMap(\.self).joined(separator: ", ")
    }
}

extension Confinement {
    fileprivate var text: String {
        let parts = [
            memoryBytes.map { "memory \(Quantity.text(bytes: $0))" },
            cpuThousandths.map { "cpu \(Double($0) / 1000)" }, openFiles.map { "files \($0)" },
            processes.map { "processes \($0)" }, user.map { "user \($0)" },
            isolation == .auto ? nil : "isolation \(isolation.rawValue)",
        ]
        return parts.compactMap(\.self).joined(separator: ", ")
    }
}
