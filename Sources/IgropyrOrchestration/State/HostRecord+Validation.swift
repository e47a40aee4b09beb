extension HostRecord {
    /// - Throws: A refusal if it breaks one of the ``StateLimits``, or its epoch is more than 24 hours ahead.
    public func validate(at now: UnixTime) throws(Refusal) {
        let validation = Validation(subject: "host \(name)")
        let latest = now.advanced(byMilliseconds: HybridClock.maximumLeadMilliseconds).milliseconds
        try validation.require(version.epoch <= latest, .tooFarAhead, "its epoch is more than 24 hours ahead")
        try validation.require(
            version.epoch >= 0 && (0...StateLimits.counter).contains(version.counter), .malformed,
            "its version is out of range")
        try validation.requireAddress(address)
        try validation.requireTags(tags, atMost: StateLimits.tagsPerHost, "tags")
        try validation.requireCount(bundles.count, atMost: StateLimits.bundlesPerHost, of: "bundles")
        try validation.requireCount(misfits?.count ?? 0, atMost: StateLimits.bundlesPerHost, of: "misfits")
        try validation.requireCount(problems?.count ?? 0, atMost: StateLimits.problemsPerHost, of: "problems")
        for problem in problems ?? [] {
            try validation.requirePlainText(problem, atMost: StateLimits.messageBytes, "a problem")
        }
        try validation.requireCount(workers.count, atMost: StateLimits.workersPerHost, of: "workers")
        for worker in workers { try worker.validate(validation) }
    }
}

extension WorkerRecord {
    fileprivate func validate(_ validation: Validation) throws(Refusal) {
        try validation.requireRange(index, 0...(StateLimits.workersPerHost - 1), "a worker's index")
        try validation.requireRange(restarts, 0...Int.max, "a worker's count of restarts")
        try validation.requireAddress(address)
        try validation.requirePlainText(message, atMost: StateLimits.messageBytes, "a worker's message")
        try validation.requirePlainText(fingerprint ?? "", atMost: StateLimits.fingerprintBytes, "a fingerprint")
    }

    /// Cuts a text to what a record may carry and takes its control characters out.
    public static func message(from text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            let plain: Unicode.Scalar = String(scalar).isPlain ? scalar : " "
            guard result.utf8.count + plain.utf8.count <= StateLimits.messageBytes else { break }
            result.unicodeScalars.append(plain)
        }
        return result
    }
}

extension Validation {
    /// Letters are for IPv6 and its zones; whether it is an address shows on connecting.
    func requireAddress(_ text: String) throws(Refusal) {
        let isAddress = text.utf8.allSatisfy {
            $0.isDigit || $0.isLetter || $0 == .period || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "%")
                || $0 == .hyphen || $0 == UInt8(ascii: "_")
        }
        try require(
            isAddress && (1...StateLimits.addressBytes).contains(text.utf8.count), .malformed, "an address is not one")
    }
}
