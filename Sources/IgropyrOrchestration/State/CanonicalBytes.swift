internal import IgropyrHashing
internal import IgropyrText

/// A value's content as bytes that are equal only for equal values, to settle ties the same way everywhere.
struct CanonicalBytes {
    private(set) var bytes: [UInt8] = []

    mutating func append(_ text: String) {
        append(Int64(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
    }

    mutating func append(_ number: some BinaryInteger) {
        let value = Int64(truncatingIfNeeded: number)
        for shift in stride(from: 56, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
    }

    mutating func append(_ bytes: [UInt8]) { self.bytes += bytes }

    mutating func append(_ texts: [String]) {
        append(texts.count)
        for text in texts { append(text) }
    }

    mutating func append(_ pairs: [String: String]) {
        append(pairs.count)
        for (key, value) in pairs.sorted(by: { $0.key < $1.key }) {
            append(key)
            append(value)
        }
    }
}

extension Deployment {
    var canonicalBytes: [UInt8] {
        var canonical = CanonicalBytes()
        canonical.append(spec?.canonicalBytes ?? [])
        progress.appendCanonically(to: &canonical)
        canonical.append(decisions.count)
        for decision in decisions {
            canonical.append(decision.time.milliseconds)
            canonical.append(decision.count)
            canonical.append(decision.origin.rawValue)
        }
        canonical.append(history.count)
        for past in history { past.appendCanonically(to: &canonical) }
        return canonical.bytes
    }
}

extension DeploymentSpec {
    var canonicalBytes: [UInt8] {
        var canonical = CanonicalBytes()
        worker.appendCanonically(to: &canonical)
        canonical.append(scale.description)
        canonical.append(constraints)
        canonical.append(preferences)
        canonical.append(routes.map(\.description))
        canonical.append(hashKey?.description ?? "")
        for value in secrets.sorted(by: { $0.key < $1.key }).compactMap(\.value.value) {
            canonical.append([value.key, value.box])
        }
        updatePolicy.appendCanonically(to: &canonical)
        return canonical.bytes
    }
}

extension WorkerSpec {
    fileprivate func appendCanonically(to canonical: inout CanonicalBytes) {
        canonical.append(revision.rawValue)
        switch kind {
        case .site: canonical.append(["site"])
        case .executable(let entry): canonical.append(["executable", entry])
        }
        canonical.append(arguments)
        canonical.append(environment)
        canonical.append(stopTimeoutMilliseconds)
        canonical.append(startTimeoutMilliseconds)
        canonical.append(restart.kind.rawValue)
        canonical.append(restart.intensity)
        canonical.append(restart.periodMilliseconds)
        confinement.appendCanonically(to: &canonical)
        canonical.append(secrets.count)
        // By version: sealing a value anew changes nothing for a worker.
        for (name, secret) in secrets.sorted(by: { $0.key < $1.key }).map({ ($0.key, $0.value.secret) }) {
            canonical.append([name, secret.delivery.rawValue, secret.value?.version ?? ""])
        }
        health?.appendCanonically(to: &canonical)
        canonical.append(generation)
        // Where they are not, editions that do not know them get the same fingerprint.
        if let watchdogMilliseconds { canonical.append(watchdogMilliseconds) }
        if isEncrypted { canonical.append("encrypted") }
    }

    /// 16 hexadecimal digits, by which other hosts see what a worker was started with: XXH64 of all of it.
    public var fingerprint: String {
        var canonical = CanonicalBytes()
        appendCanonically(to: &canonical)
        return Hexadecimal.text(XXH64.hash(canonical.bytes.span))
    }
}

extension Certificate.Content {
    var canonicalBytes: [UInt8] {
        var canonical = CanonicalBytes()
        canonical.append([sealed.version, sealed.key, sealed.box])
        canonical.append(servers)
        canonical.append(expiresAt.milliseconds)
        // Where it is not, editions that do not know it get the same bytes.
        if let setAt { canonical.append(setAt.milliseconds) }
        return canonical.bytes
    }
}

extension HostRecord {
    var canonicalBytes: [UInt8] {
        var canonical = CanonicalBytes()
        canonical.append(address)
        for number in [controlPort, cores, capacity] { canonical.append(number) }
        canonical.append(isDraining ? 1 : 0)
        canonical.append(isCordoned == true ? 1 : 0)
        canonical.append(tags)
        canonical.append(bundles.map(\.rawValue))
        canonical.append((misfits ?? []).map(\.rawValue))
        if let problems { canonical.append(problems) }
        canonical.append(workers.count)
        for worker in workers { worker.appendCanonically(to: &canonical) }
        return canonical.bytes
    }
}

extension WorkerRecord {
    fileprivate func appendCanonically(to canonical: inout CanonicalBytes) {
        canonical.append([application.rawValue, revision.rawValue, address, state.rawValue, message])
        canonical.append([fingerprint ?? "", gate?.rawValue ?? ""])
        canonical.append(isEncrypted == true ? 1 : 0)
        for number in [index, Int(port), Int(pid), restarts] { canonical.append(number) }
        canonical.append(startedAt?.milliseconds ?? .min)
        canonical.append(nextTryAt?.milliseconds ?? .min)
        canonical.append(isLooping == true ? 1 : 0)
    }
}
