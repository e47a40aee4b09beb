import Glibc
import IgropyrHTTP
import IgropyrPatterns

// Usage: PathPatterns
//
// Prints a line for each example of the first edition's `par`, tab-separated: pattern, path; nanoseconds of processor
// time that one match takes by a path pattern, by Swift's `Regex` and by a regular expression of `IgropyrPatterns`.

struct Example {
    let pattern: String
    let path: String
    /// What the manual says.
    let matches: Bool

    /// The pattern as a regular expression.
    var expression: String { "^" + pattern.replacing("*", with: "[^/]+") + "$" }
}

let examples = [
    Example(pattern: "/foo", path: "/foo", matches: true), Example(pattern: "/foo", path: "/bar", matches: false),
    Example(pattern: "/*", path: "/foo", matches: true), Example(pattern: "/foo/*", path: "/foo/bar", matches: true),
    Example(pattern: "/*/bar", path: "/foo/bar", matches: true),
    Example(pattern: "/f*/bar", path: "/foo/bar", matches: true),
    Example(pattern: "/f*/bar", path: "/boo/bar", matches: false),
    Example(pattern: "/foo/b*", path: "/foo/bar", matches: true),
    Example(pattern: "/foo/b*", path: "/foo/far", matches: false),
]

func nanoseconds(_ work: () -> Void) -> Double {
    var start = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start)
    work()
    var end = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end)
    return Double(end.tv_sec - start.tv_sec) * 1e9 + Double(end.tv_nsec - start.tv_nsec)
}

/// The median of five runs, by `count` matches each; what is measured must say what the manual says each time.
func measure(_ example: Example, count: Int, _ matches: (String) -> Bool) -> Double {
    let times = (0..<5).map { _ in
        nanoseconds {
            for _ in 0..<count {
                guard matches(example.path) == example.matches else {
                    print("\(example.pattern) and \(example.path): not what the manual says")
                    exit(1)
                }
            }
        }
    }
    return times.sorted()[2] / Double(count)
}

for example in examples {
    let pattern = try PathPattern(example.pattern)
    let regex = try Regex(example.expression)
    guard let expression = Pattern(example.expression) else { exit(1) }
    let times = [
        measure(example, count: 1_000_000) { pattern.matches($0) },
        measure(example, count: 50_000) { $0.wholeMatch(of: regex) != nil },
        measure(example, count: 50_000) { expression.matches($0) },
    ]
    print(([example.pattern, example.path] + times.map { "\($0)" }).joined(separator: "\t"))
}
