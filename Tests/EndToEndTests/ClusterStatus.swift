/// The part of `igropyr status --json` that the tests look at.
struct ClusterStatus: Decodable {
    struct Host: Decodable {
        var name: String
        var status: String
        var role: String
        /// Of nodes.
        var cores: Int?
    }

    struct Application: Decodable {
        var name: String
        var problem: String?
        var isEncrypted: Bool?
    }

    struct Worker: Decodable {
        var application: String
        var host: String
        var address: String
        var state: String
        var pid: Int?
        var message: String?
    }

    var hosts: [Host]
    var applications: [Application]
    var workers: [Worker]
    var problems: [String]

    /// Without those that still drain: what a command has waited for may be there before they have gone.
    var readyWorkers: [Worker] { workers.filter { $0.state == "ready" } }

    /// The first worker on that host.
    func worker(on host: Int) -> Worker? { workers.first { $0.host == "host-\(host)" } }
}
