internal import IgropyrOrchestration

/// What a worker, and whoever looks after it, finds around itself.
struct WorkerSurroundings {
    var slot: WorkerSlot
    var spec: WorkerSpec
    var confines: Confines
    var secrets: [String: String] = [:]
    var topics: String?

    /// Who it is wins over the deployment's variables, and those over the node's.
    func environment(_ settings: WorkerSettings) -> [String: String] {
        let basics = ["PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/"]
        var own = ["TMPDIR": confines.temporaryFolder]
        // The node's home is not for others.
        if confines.user != nil || confines.view != nil { own["HOME"] = confines.temporaryFolder }
        own["CREDENTIALS_DIRECTORY"] = confines.secretFolder
        var confines = confines
        confines.softOpenFiles = settings.openFiles
        var identity = [
            "IGROPYR_APPLICATION": slot.application.rawValue, "IGROPYR_HOST": slot.host.rawValue,
            "IGROPYR_WORKER": "\(slot.index)", Confines.variable: confines.text,
        ]
        identity["IGROPYR_TOPICS"] = topics
        return [settings.environment, own, spec.environment, secrets, identity].reduce(basics) { $0.merging($1) { $1 } }
    }
}
