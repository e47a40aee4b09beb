internal import FoundationEssentials
internal import IgropyrHTTP

/// The present second in the two ways that logs write it; made once a second.
package struct AccessLogTime {
    private var seconds = Int64.min
    /// `06/Nov/1994:08:49:37 +0000`
    package private(set) var common: [UInt8] = []
    /// `1994-11-06T08:49:37Z`
    package private(set) var iso: [UInt8] = []

    package init() {}

    /// Takes seconds since 1970.
    package mutating func update(to seconds: Int64) {
        guard seconds != self.seconds else { return }
        self.seconds = seconds
        let date = Date(timeIntervalSince1970: TimeInterval(seconds))
        iso = Array(date.formatted(.iso8601).utf8)
        // `Sun, 06 Nov 1994 08:49:37 GMT` has all the parts of `06/Nov/1994:08:49:37 +0000`.
        let parts = HTTPDate(seconds: seconds).text.split(separator: " ")
        common = Array("\(parts[1])/\(parts[2])/\(parts[3]):\(parts[4]) +0000".utf8)
    }
}
