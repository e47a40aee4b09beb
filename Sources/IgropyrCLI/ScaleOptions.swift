import ArgumentParser
import IgropyrOrchestration

/// How many workers an application has.
struct ScaleOptions: ParsableArguments {
    @Option(
        help: "Workers on each host: a number, or auto for as many as it has cores.",
        transform: WorkersPerHost.init(parsing:))
    var perHost: WorkersPerHost?

    @Option(help: "Workers in the whole cluster, in place of so many on each host.")
    var total: Int?

    func validate() throws {
        guard perHost == nil || total == nil else {
            throw ValidationError("--per-host and --total exclude each other.")
        }
    }

    var scale: DeploymentSpec.Scale? { total.map { .total($0) } ?? perHost?.scale }
}

/// A number, or `auto`.
struct WorkersPerHost {
    let scale: DeploymentSpec.Scale

    init(parsing text: String) throws {
        if text == "auto" {
            scale = .perCore
        } else {
            guard let count = Int(text) else { throw ValidationError("write a number, or auto.") }
            scale = .perHost(count)
        }
    }
}
