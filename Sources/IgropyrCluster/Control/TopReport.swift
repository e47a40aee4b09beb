internal import Glibc
public import IgropyrOrchestration

/// What workers of one host use: the answer to `GET /v1/top`.
public struct TopReport: Codable, Sendable, Hashable {
    public struct Worker: Codable, Sendable, Hashable {
        public var application: ApplicationName
        public var index: Int
        public var pid: Int32
        /// Since its start, on all cores; its children are not in it.
        public var cpuSeconds: Double
        public var memoryBytes: Int64
        public var threads: Int
    }

    public var version = ControlAPI.version
    public var host: HostName
    public var cores: Int
    /// By application and index.
    public var workers: [Worker]
}

extension TopReport.Worker {
    /// Blocks. nil once the process has gone. Source: proc_pid_stat(5).
    init?(_ record: WorkerRecord) {
        guard record.pid > 0, let bytes = try? AtomicFile.read("/proc/\(record.pid)/stat", limitBytes: 4096),
            let fields = String(decoding: bytes, as: UTF8.self).split(separator: ")").last?.split(separator: " "),
            fields.count > 21, let user = Double(fields[11]), let system = Double(fields[12]),
            let threads = Int(fields[17]), let pages = Int64(fields[21])
        else { return nil }
        self.init(
            application: record.application, index: record.index, pid: record.pid,
            cpuSeconds: (user + system) / Double(sysconf(Int32(_SC_CLK_TCK))),
            memoryBytes: pages * Int64(sysconf(Int32(_SC_PAGESIZE))), threads: threads)
    }
}
