/// A deployment whose workers crash wherever they are tried: no host starts or restarts them any more. One that runs
/// stays.
///
/// The rule, a pure function of the replicated state, so that all hosts come to it by themselves. It holds of a
/// deployment that has not stood yet, if of the hosts that are alive
/// - some have workers of it that crash-loop, and none that is ready and does not;
/// - these are at least two, or all that have a place for it and a program;
/// - they are more than those where it is ready, and nowhere has it been found good.
///
/// So one host with a fault of its own stops nobody, and what has once stood is not bad: it is tried again, at most
/// ``Supervision/longestDelay`` apart. Another deployment lifts it, and so does a retry of the same.
public struct Quarantine: Hashable, Sendable {
    /// What is not started any more.
    public var worker: WorkerSpec
    /// Where it crashed; in order.
    public var hosts: [HostName]
}

extension ReplicatedState {
    /// Those of the present deployments.
    public func quarantines(alive: Set<HostName>, placement: Placement) -> [ApplicationName: Quarantine] {
        let fingerprints = deployments.filter { !$0.value.progress.isComplete }.compactMapValues {
            $0.spec?.worker.fingerprint
        }
        var tallies: [ApplicationName: Tally] = [:]
        for host in hosts.values where alive.contains(host.name) {
            for (application, course) in Course.courses(on: host, of: fingerprints) {
                tallies[application, default: Tally()].add(course, on: host.name)
            }
        }
        var result: [ApplicationName: Quarantine] = [:]
        for (name, tally) in tallies where !tally.looping.isEmpty {
            guard let spec = deployments[name]?.spec else { continue }
            let places = placement.hosts(of: name).filter { hosts[$0]?.hasNothing(of: spec.revision) != true }
            guard tally.isBad(places: places) else { continue }
            result[name] = Quarantine(worker: spec.worker, hosts: tally.looping.sorted())
        }
        return result
    }
}

extension Placement {
    fileprivate func hosts(of application: ApplicationName) -> Set<HostName> {
        Set(workers.filter { $0.value.keys.contains { $0.application == application } }.keys)
    }
}

/// How a deployment does on one host.
private struct Course {
    var loops = false
    var serves = false
    var isGood = false

    static func courses(
        on host: HostRecord, of fingerprints: [ApplicationName: String]
    ) -> [ApplicationName: Course] {
        var result: [ApplicationName: Course] = [:]
        for worker in host.workers where !host.hasNothing(of: worker.revision) {
            guard let fingerprint = worker.fingerprint, fingerprint == fingerprints[worker.application] else {
                continue
            }
            result[worker.application, default: Course()].add(worker)
        }
        return result
    }

    private mutating func add(_ worker: WorkerRecord) {
        if worker.isLooping == true { return loops = true }
        if worker.state == .ready { serves = true }
        if worker.gate == .available { isGood = true }
    }
}

/// Of one deployment, over the hosts.
private struct Tally {
    var looping: Set<HostName> = []
    private var serving = 0
    private var isGood = false

    mutating func add(_ course: Course, on host: HostName) {
        if course.isGood { isGood = true }
        if course.serves {
            serving += 1
        } else if course.loops {
            looping.insert(host)
        }
    }

    func isBad(places: Set<HostName>) -> Bool {
        !isGood && looping.count > serving && (looping.count >= 2 || places.isSubset(of: looping))
    }
}
