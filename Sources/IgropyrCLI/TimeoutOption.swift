import ArgumentParser

/// How long a command waits for the answers of members.
struct TimeoutOption: ParsableArguments {
    @Option(help: "Seconds to wait for answers. Default: a few, more in large clusters.")
    var timeout: Double?

    func validate() throws {
        guard let timeout else { return }
        guard timeout > 0, timeout <= 600 else { throw ValidationError("--timeout takes up to 600 seconds.") }
    }
}
