internal import IgropyrText

extension Deployment {
    /// - Throws: A refusal if it breaks one of the ``StateLimits`` or a worker could not be started with it.
    public func validate() throws(Refusal) {
        let validation = Validation(subject: subject)
        try validation.requirePlainText(progress.reason, atMost: StateLimits.messageBytes, "the reason")
        try validation.requireCount(history.count, atMost: StateLimits.history, of: "earlier deployments")
        try validation.requireCount(decisions.count, atMost: StateLimits.decisions, of: "decisions")
        try validation.requireRange(
            timestamp.conclusion?.rank ?? 0, 0...StateLimits.conclusionRank, "the rank of its conclusion")
        for past in history { try past.spec.validate(validation) }
        try spec?.validate(validation)
    }
}

extension DeploymentSpec {
    /// As ``Deployment/validate()``, before it belongs to any.
    public func validate() throws(Refusal) { try validate(Validation(subject: "deployment")) }

    fileprivate func validate(_ validation: Validation) throws(Refusal) {
        try validateProcess(validation)
        try validatePlacement(validation)
        try validateRoutes(validation)
        try confinement.validate(validation)
        try validateSecrets(validation)
        try health?.validate(validation)
        try updatePolicy.validate(validation)
        try validation.requireRange(generation ?? 0, 0...StateLimits.generation, "the count of restarts")
        try validation.requireRange(stopTimeoutMilliseconds, 0...StateLimits.durationMilliseconds, "stop time-out")
        try validation.requireRange(
            startTimeoutMilliseconds, 1...StateLimits.durationMilliseconds, "start time-out")
        try validation.requireRange(restart.intensity, 0...StateLimits.restartIntensity, "restart intensity")
        try validation.requireRange(
            restart.periodMilliseconds, 1...StateLimits.durationMilliseconds, "restart period")
        if let watchdogMilliseconds {
            try validation.requireRange(
                watchdogMilliseconds, 1...StateLimits.durationMilliseconds, "watchdog interval")
        }
    }
}

extension DeploymentSpec {
    fileprivate func validateProcess(_ validation: Validation) throws(Refusal) {
        if case .executable(let entry) = kind {
            try validation.require(Self.isEntry(entry), .malformed, "the entry must be a path within the bundle")
        }
        try validation.requireCount(arguments.count, atMost: StateLimits.arguments, of: "arguments")
        try validation.requireProcessTexts(arguments, "arguments")
        try validation.requireCount(
            environment.count, atMost: StateLimits.environmentVariables, of: "environment variables")
        try validation.requireProcessTexts(environment.flatMap { [$0.key, $0.value] }, "environment variables")
        for key in environment.keys {
            try validation.require(
                Self.isVariable(key), .malformed,
                "an environment variable's name is a letter or '_', then letters, digits and '_'")
        }
    }

    fileprivate func validatePlacement(_ validation: Validation) throws(Refusal) {
        try validation.requireTags(constraints, atMost: StateLimits.constraints, "constraints")
        try validation.requireTags(preferences, atMost: StateLimits.constraints, "preferences")
        switch scale {
        case .perHost(let count): try validation.requireRange(count, 0...StateLimits.workersPerHost, "workers per host")
        case .total(let count): try validation.requireRange(count, 0...Placement.maximumTotal, "workers in total")
        case .perCore: break
        }
    }

    fileprivate func validateRoutes(_ validation: Validation) throws(Refusal) {
        try validation.requireCount(routes.count, atMost: StateLimits.routes, of: "routes")
        try validation.require(Set(routes).count == routes.count, .malformed, "a route is there twice")
        if let hashKey {
            try validation.requirePlainText("\(hashKey)", atMost: StateLimits.hashKeyBytes, "the hash key")
        }
    }

    /// Whether it is a path within a bundle.
    package static func isEntry(_ path: String) -> Bool {
        (1...StateLimits.entryBytes).contains(path.utf8.count) && path.isPlain
            && path.pathNames.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
    }

    /// Whether it is the name of an environment variable.
    package static func isVariable(_ name: String) -> Bool {
        guard let first = name.utf8.first, !first.isDigit else { return false }
        return name.utf8.allSatisfy { $0.isLetter || $0.isDigit || $0 == .underscore }
    }
}
