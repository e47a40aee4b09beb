internal import IgropyrUV

/// Which worker this process is, on the word of the node that started it.
public struct Worker: Sendable, Hashable {
    /// The application's name.
    public let application: String
    /// The name of the host it runs on.
    public let host: String
    /// Its number among the application's workers on this host, from 0.
    public let index: Int

    static let current = WorkerContract.inherited.worker
}

/// What a node tells its workers, beside what any service is told.
struct WorkerContract: Sendable {
    let worker: Worker?
    let service: ServiceContract
    /// The file of the keys under which alone it takes requests; nil if it takes them in plain text.
    let keyFile: String?
    /// The URL at which it talks to others of its application; nil without a node.
    let topics: String?
    /// What `PORT` says.
    private let portText: String?

    /// Taken out of the environment, once, so that child processes do not take it for theirs.
    static let inherited = WorkerContract(service: .inherited, take: CurrentProcess.takeEnvironment)

    init(service: ServiceContract, take: (String) -> String?) {
        let (application, host, index) = (take("IGROPYR_APPLICATION"), take("IGROPYR_HOST"), take("IGROPYR_WORKER"))
        worker = application.map { Worker(application: $0, host: host ?? "", index: index.flatMap { Int($0) } ?? 0) }
        keyFile = take("IGROPYR_WORKER_KEYS")
        topics = take("IGROPYR_TOPICS")
        portText = take("PORT")
        self.service = service
    }

    /// The port of the environment; nil if it names none.
    /// - Throws: if it names what is no port.
    func port() throws(StartFailure) -> UInt16? {
        guard let portText, !portText.isEmpty else { return nil }
        guard portText.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = UInt16(portText) else {
            throw StartFailure("PORT is \"\(portText)\": set it to a number from 0 to 65535, or not at all")
        }
        return port
    }
}
