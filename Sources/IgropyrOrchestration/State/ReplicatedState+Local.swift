extension ReplicatedState {
    /// Deploys an application, or changes one that is deployed. Its workers are replaced only if what they are started
    /// with differs.
    /// - Throws: If the route is another's, a limit is reached or a value is malformed; then nothing changes.
    /// - Returns: The entry made.
    public mutating func deploy(
        _ name: ApplicationName, _ spec: DeploymentSpec, at now: UnixTime, clock: inout HybridClock
    ) throws(DeploymentError) -> Deployment {
        for route in spec.routes {
            if let owner = DeployedRoutes.owner(of: route, in: liveDeployments, except: name) {
                throw .routeTaken(route, by: owner)
            }
        }
        var deployment = successor(of: name, spec, timestamp(for: name, at: now, clock: &clock))
        deployment.follow(deployments[name])
        do {
            try deployment.validate()
            try deployment.checkRoom(among: deployments)
            try checkRoom(
                for: deployment.approximateBytes, inPlaceOf: deployments[name]?.approximateBytes ?? 0,
                deployment.subject)
        } catch { throw .refused(error) }
        store(deployment)
        return deployment
    }

    private func successor(
        of name: ApplicationName, _ spec: DeploymentSpec, _ timestamp: HybridTimestamp
    ) -> Deployment {
        guard var deployment = deployments[name], let present = deployment.spec else {
            return Deployment(name: name, timestamp: timestamp, spec: spec)
        }
        var spec = spec
        spec.generation = present.generation
        if spec.worker == present.worker { deployment.spec = spec } else { deployment.replace(by: spec, .deploy) }
        deployment.timestamp = timestamp
        return deployment
    }

    /// Puts an application's secrets under another key, also those that a rollback would bring back. No decision about
    /// it: nothing is replaced. `sealed` gives the same value anew, or nil for one that is to stay as it is.
    /// - Returns: Whether any was sealed anew.
    public mutating func reseal(
        _ name: ApplicationName, at now: UnixTime, clock: inout HybridClock,
        _ sealed: (_ name: String, SealedValue) -> SealedValue?
    ) -> Bool {
        guard var deployment = deployments[name] else { return false }
        deployment.spec?.reseal(sealed)
        for index in deployment.history.indices { deployment.history[index].spec.reseal(sealed) }
        guard deployment != deployments[name] else { return false }
        deployment.timestamp = timestamp(for: name, at: now, clock: &clock)
        store(deployment)
        return true
    }

    /// Has balancers show a certificate, in place of the one of that name if there is one.
    /// - Throws: If a limit is reached or a value is malformed; then nothing changes.
    /// - Returns: The entry made.
    public mutating func setCertificate(
        _ name: CertificateName, _ content: Certificate.Content, at now: UnixTime, clock: inout HybridClock
    ) throws(Refusal) -> Certificate {
        let timestamp = timestamp(after: certificates[name]?.timestamp, at: now, clock: &clock)
        var content = content
        content.setAt = now
        let certificate = Certificate(name: name, timestamp: timestamp, content: content)
        try certificate.validate()
        try certificate.checkRoom(among: certificates)
        try checkRoom(
            for: certificate.approximateBytes, inPlaceOf: certificates[name]?.approximateBytes ?? 0,
            certificate.subject)
        store(certificate)
        return certificate
    }

    /// - Returns: Whether there was such a certificate.
    public mutating func removeCertificate(
        _ name: CertificateName, at now: UnixTime, clock: inout HybridClock
    ) -> Bool {
        guard let present = certificates[name], !present.isTombstone else { return false }
        let timestamp = timestamp(after: present.timestamp, at: now, clock: &clock)
        store(Certificate(name: name, timestamp: timestamp, content: nil))
        return true
    }

    /// Puts the certificates under another key. `sealed` gives the same value anew, or nil for one that is to stay.
    /// - Returns: Whether any was sealed anew.
    public mutating func resealCertificates(
        at now: UnixTime, clock: inout HybridClock, _ sealed: (CertificateName, SealedValue) -> SealedValue?
    ) -> Bool {
        var isNew = false
        for var certificate in certificates.values.sorted(by: { $0.name < $1.name }) {
            guard let present = certificate.content?.sealed, let value = sealed(certificate.name, present) else {
                continue
            }
            certificate.content?.sealed = value
            certificate.timestamp = timestamp(after: certificate.timestamp, at: now, clock: &clock)
            store(certificate)
            isNew = true
        }
        return isNew
    }

    /// Removes an application; its workers drain.
    /// - Throws: If it is not deployed.
    /// - Returns: The tombstone.
    public mutating func remove(
        _ name: ApplicationName, at now: UnixTime, clock: inout HybridClock
    ) throws(DeploymentError) -> Deployment {
        guard let current = deployments[name], !current.isTombstone else { throw unknown(name) }
        var tombstone = Deployment(name: name, timestamp: timestamp(for: name, at: now, clock: &clock), spec: nil)
        tombstone.follow(current)
        store(tombstone)
        return tombstone
    }

    /// That it is not deployed, and what is.
    public func unknown(_ name: ApplicationName) -> DeploymentError {
        .unknownApplication(name, deployed: liveDeployments.keys.sorted())
    }

    /// Makes `record` what this host says about itself, under a version of its own.
    ///
    /// - Parameters:
    ///   - record: Its version is ignored. Keep it within ``StateLimits``, or peers refuse it.
    ///   - epoch: When the agent started, in milliseconds since 1970; the same until it restarts.
    /// - Returns: Whether anything but the version differs from before; if not, nothing is changed.
    public mutating func publish(_ record: HostRecord, epoch: Int64) -> Bool {
        var record = record
        guard let current = hosts[record.name] else {
            record.version = HostRecord.Version(epoch: epoch, counter: 0)
            store(record)
            return true
        }
        record.version = current.version
        if current.version.epoch < epoch {
            record.version = HostRecord.Version(epoch: epoch, counter: 0)
        } else if record == current {
            return false
        } else {
            record.version.counter += 1
        }
        store(record)
        return true
    }

    func timestamp(for name: ApplicationName, at now: UnixTime, clock: inout HybridClock) -> HybridTimestamp {
        timestamp(after: deployments[name]?.timestamp, at: now, clock: &clock)
    }

    /// Greater than that of the entry it replaces, also if that came from a clock ahead of ours.
    private func timestamp(
        after current: HybridTimestamp?, at now: UnixTime, clock: inout HybridClock
    ) -> HybridTimestamp {
        if let current { try? clock.observe(current, at: max(now, current.time)) }
        return clock.tick(at: now)
    }

    func checkRoom(for record: HostRecord) throws(Refusal) {
        try Validation(subject: "host \(record.name)").require(
            hosts[record.name] != nil || hosts.count < StateLimits.hosts, .tooMany,
            "\(StateLimits.hosts) hosts are known already")
    }
}
