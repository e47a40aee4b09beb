extension ReplicatedState {
    /// Of all that operators have decided, roughly, in the file and when it is sent to a host that has nothing.
    var decidedBytes: Int {
        deployments.values.reduce(0) { $0 + $1.approximateBytes }
            + certificates.values.reduce(0) { $0 + $1.approximateBytes }
    }

    /// What becomes smaller has room in any case.
    func checkRoom(for bytes: Int, inPlaceOf former: Int, _ subject: String) throws(Refusal) {
        let total = decidedBytes - former + bytes
        try Validation(subject: subject).require(
            total <= StateLimits.decidedBytes || bytes <= former, .tooMany,
            "with it, applications and certificates would take \(total >> 20) MB, at most "
                + "\(StateLimits.decidedBytes >> 20) MB are allowed: remove some that are not needed")
    }
}

// The lengths of what varies, and a round number for the rest of the JSON.

extension Deployment {
    var approximateBytes: Int {
        let specs = [spec].compactMap(\.self) + history.map(\.spec)
        return specs.reduce(256 + 128 * decisions.count) { $0 + $1.approximateBytes }
    }
}

extension DeploymentSpec {
    fileprivate var approximateBytes: Int {
        let texts =
            arguments + environment.flatMap { [$0.key, $0.value] }
            + constraints.merging(preferences) { $0 + $1 }.flatMap { [$0.key, $0.value] }
            + furtherRoutes.map(\.description) + secrets.flatMap { [$0.key, $0.value.value?.box ?? ""] }
            + (health?.targets ?? [])
        return texts.reduce(1024) { $0 + $1.utf8.count + 8 }
    }
}

extension Certificate {
    var approximateBytes: Int {
        guard let content else { return 256 }
        return content.servers.reduce(512 + content.sealed.box.utf8.count) { $0 + $1.utf8.count + 4 }
    }
}

extension HostRecord {
    var approximateBytes: Int {
        let tagBytes = tags.reduce(512) { $0 + $1.key.utf8.count + $1.value.utf8.count + 8 }
        let digests = bundles.count + (misfits?.count ?? 0)
        return workers.reduce(tagBytes + 72 * digests) { $0 + 384 + $1.message.utf8.count }
    }
}
