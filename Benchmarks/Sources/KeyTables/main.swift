import Glibc
import IgropyrHashing

// Usage: KeyTables KIND MEMBERS
//
// Prints tab-separated: kind, members; milliseconds of processor time for a table from nothing, then for one from the
// table before after a leave, a join and a change of weight; nanoseconds of a lookup, each of which waits for the one
// before; the busiest member's share by the mean; of a million keys those that the leaving member had and those that
// moved between others.

func milliseconds(_ work: () -> Void) -> Double {
    var start = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start)
    work()
    var end = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end)
    return Double(end.tv_sec - start.tv_sec) * 1e3 + Double(end.tv_nsec - start.tv_nsec) / 1e6
}

func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

let arguments = CommandLine.arguments
guard arguments.count == 3, let kind = KeyTable.Kind(rawValue: arguments[1]), let count = Int(arguments[2]),
    (2...KeyTable.maximumMembers).contains(count)
else {
    print("Usage: KeyTables rendezvous|maglev|ketama MEMBERS, from 2 to \(KeyTable.maximumMembers)")
    exit(64)
}

/// Builds a few times, as a change asks for; the result must be that from nothing.
func measure(_ members: [KeyTable.Member], from previous: KeyTable?) -> Double {
    let expected = KeyTable(kind: kind, members)
    return median(
        (0..<5).map { _ in
            milliseconds {
                guard KeyTable(kind: kind, members, reusing: previous).depth == expected.depth else { exit(1) }
            }
        })
}

let members = (0..<count).map { KeyTable.Member(id: "shop/host\($0)/0", host: "host\($0)", weight: 100) }
let leaver = count / 3
var fewer = members
fewer.remove(at: leaver)
var lighter = members
lighter[leaver].weight = 50
let table = KeyTable(kind: kind, members)
let smaller = KeyTable(kind: kind, fewer)
let builds = [
    measure(members, from: nil), measure(fewer, from: table), measure(members, from: smaller),
    measure(lighter, from: table),
]

/// Milliseconds for a million are nanoseconds for one.
func lookUp(_ count: Int) -> Double {
    var hash: UInt64 = 1
    let time = milliseconds {
        for _ in 0..<count {
            hash = hash &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(table.position(forHash: hash, rank: 0) ?? 0) &+ 1
        }
    }
    guard hash != 0 else { exit(1) }  // Uses the result.
    return time
}

let keys = 1_000_000
let nanoseconds = median((0..<5).map { _ in lookUp(keys) })
var (left, moved) = (0, 0)
for key in 0..<keys {
    let hash = XXH64.hash("/\(key)")
    guard let before = table.position(forHash: hash, rank: 0), let after = smaller.position(forHash: hash, rank: 0)
    else { exit(1) }
    let owner = table.members[before].id
    if owner == members[leaver].id { left += 1 } else if owner != smaller.members[after].id { moved += 1 }
}
let busiest = (table.shares().max() ?? 0) * Double(count)
let fields = (builds + [nanoseconds, busiest, Double(left), Double(moved)]).map { "\($0)" }
print(([kind.rawValue, "\(count)"] + fields).joined(separator: "\t"))
