import Glibc
import IgropyrUV

// Usage: AcceptStorm listen|one|poll|igropyr COUNT
//
// Lets COUNT connections wait in a backlog, then takes them all. Prints tab-separated: way, count, microseconds of wall
// time and of this thread's processor time per connection, turns of the loop (0: not counted).

func nanoseconds(_ clock: clockid_t) -> Int {
    var time = timespec()
    clock_gettime(clock, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
}

let ways: [String: any Way.Type] = ["listen": Listen.self, "one": One.self, "poll": Poll.self, "igropyr": Igropyr.self]
let arguments = CommandLine.arguments
guard arguments.count == 3, let way = ways[arguments[1]], let count = Int(arguments[2]), (1...4000).contains(count)
else {
    print("Usage: AcceptStorm listen|one|poll|igropyr COUNT, at most 4000")
    exit(64)
}
var limit = rlimit(rlim_cur: 10_000, rlim_max: 10_000)
setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)

let descriptor = try ListeningSocket.open(.loopback(port: 0), backlog: 4096)
guard let port = ListeningSocket.localAddress(of: descriptor)?.port else { throw Problem("getsockname") }
try Crowd.gather(count, at: UInt16(port))
let (wall, cpu) = (nanoseconds(CLOCK_MONOTONIC), nanoseconds(CLOCK_THREAD_CPUTIME_ID))
try way.accept(count, from: descriptor) { turns in
    let perConnection = [nanoseconds(CLOCK_MONOTONIC) - wall, nanoseconds(CLOCK_THREAD_CPUTIME_ID) - cpu].map {
        Double($0) / Double(count) / 1000
    }
    print(arguments[1], count, perConnection[0], perConnection[1], turns, separator: "\t")
    exit(0)
}
