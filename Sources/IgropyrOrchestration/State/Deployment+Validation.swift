extension Deployment {
    /// - Throws: A refusal if it breaks one of the ``StateLimits`` or a worker could not be started with it.
    public func validate() throws(Refusal) {
        let validation = Validation(subject: "deployment \(name)")
        guard let spec else { return }
        try spec.validateProcess(validation)
        try spec.validatePlacement(validation)
        try validation.requireRange(spec.stopTimeoutMilliseconds, 0...StateLimits.durationMilliseconds, "stop time-out")
        try validation.requireRange(
            spec.startTimeoutMilliseconds, 1...StateLimits.durationMilliseconds, "start time-out")
        try validation.requireRange(spec.restart.intensity, 0...StateLimits.restartIntensity, "restart intensity")
        try validation.requireRange(
            spec.restart.periodMilliseconds, 1...StateLimits.durationMilliseconds, "restart period")
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
        switch scale {
        case .perHost(let count): try validation.requireRange(count, 0...StateLimits.workersPerHost, "workers per host")
        case .total(let count): try validation.requireRange(count, 0...Placement.maximumTotal, "workers in total")
        }
    }

    private static func isEntry(_ path: String) -> Bool {
        (1...StateLimits.entryBytes).contains(path.utf8.count) && path.isPlain
            && path.split(separator: "/", omittingEmptySubsequences: false)
                .allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
    }

    private static func isVariable(_ name: String) -> Bool {
        guard let first = name.utf8.first, !first.isDigit else { return false }
        return name.utf8.allSatisfy { $0.isLetter || $0.isDigit || $0 == .underscore }
    }
}
