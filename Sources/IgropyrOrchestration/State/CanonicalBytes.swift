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

extension DeploymentSpec {
    var canonicalBytes: [UInt8] {
        var canonical = CanonicalBytes()
        canonical.append(revision.rawValue)
        switch kind {
        case .site: canonical.append(["site"])
        case .executable(let entry): canonical.append(["executable", entry])
        }
        canonical.append(arguments)
        canonical.append(environment)
        canonical.append(scale.description)
        canonical.append(constraints)
        canonical.append(route.description)
        canonical.append(stopTimeoutMilliseconds)
        canonical.append(startTimeoutMilliseconds)
        canonical.append(restart.kind.rawValue)
        canonical.append(restart.intensity)
        canonical.append(restart.periodMilliseconds)
        canonical.append(preferences)
        canonical.append(furtherRoutes.map(\.description))
        canonical.append(hashKey?.description ?? "")
        confinement.appendCanonically(to: &canonical)
        canonical.append(secrets.count)
        for (name, secret) in secrets.sorted(by: { $0.key < $1.key }) {
            let value = secret.value
            canonical.append([name, secret.delivery.rawValue, value?.version ?? "", value?.key ?? "", value?.box ?? ""])
        }
        health?.appendCanonically(to: &canonical)
        return canonical.bytes
    }
}

extension HostRecord {
    var canonicalBytes: [UInt8] {
        var canonical = CanonicalBytes()
        canonical.append(address)
        for number in [controlPort, cores, capacity] { canonical.append(number) }
        canonical.append(isDraining ? 1 : 0)
        canonical.append(tags)
        canonical.append(bundles.map(\.rawValue))
        canonical.append(workers.count)
        for worker in workers { worker.appendCanonically(to: &canonical) }
        return canonical.bytes
    }
}

extension WorkerRecord {
    fileprivate func appendCanonically(to canonical: inout CanonicalBytes) {
        canonical.append([application.rawValue, revision.rawValue, address, state.rawValue, message])
        for number in [index, Int(port), Int(pid), restarts] { canonical.append(number) }
        canonical.append(startedAt?.milliseconds ?? .min)
    }
}
