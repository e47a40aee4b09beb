import IgropyrHashing
import IgropyrTime

/// An application as one loop knows it: its workers in the last snapshot, and the requests that wait for one.
final class Application {
    let upstreams: Upstreams
    /// Parallel to the members of the table.
    let workers: [WorkerState]
    var settings: ApplicationSettings { upstreams.settings.values }
    let traffic: ApplicationTraffic
    /// More workers answer badly than may be left alone: then the fault is rather the observer's, and all are used.
    private(set) var isPanicking = false
    /// Some worker is not well: else nobody is asked.
    private(set) var hasTrouble = false

    init(_ upstreams: Upstreams, _ workers: [WorkerState], traffic: ApplicationTraffic) {
        self.upstreams = upstreams
        self.workers = workers
        self.traffic = traffic
        healthDidChange()
    }

    /// A worker's trouble came or went.
    func healthDidChange() {
        let troubles = workers.compactMap(\.health.trouble)
        hasTrouble = !troubles.isEmpty
        let failing = troubles.count { $0 == .fails }
        isPanicking = Double(workers.count - failing) < settings.panicThreshold * Double(workers.count)
    }
}

/// What is under way of an application on one loop, whatever the snapshots.
final class ApplicationTraffic {
    /// Requests that workers have; those of workers that left since are among them.
    private(set) var inFlight = 0
    /// Requests for which there is no worker, or none with room.
    @safe @exclusivity(unchecked)  // Used for each request, where that check shows in the profile.
    var waiting = WaitingLine()

    func enter(_ worker: WorkerState) {
        inFlight += 1
        worker.inFlight += 1
    }

    func leave(_ worker: WorkerState) {
        inFlight -= 1
        worker.inFlight -= 1
    }
}
