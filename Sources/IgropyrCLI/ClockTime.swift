import Foundation
import IgropyrOrchestration

enum ClockTime {
    /// `14:03:59`, local time.
    static var now: String { String(text(.now).suffix(8)) }

    /// `2026-11-28 14:03:59`, local time.
    static func text(_ time: UnixTime) -> String {
        let date = Date(timeIntervalSince1970: Double(time.milliseconds) / 1000)
        let parts = Calendar.current.dateComponents([.year, .month, .day, .hour, .minute, .second], from: date)
        func two(_ number: Int?) -> String { ((number ?? 0) < 10 ? "0" : "") + "\(number ?? 0)" }
        return "\(parts.year ?? 0)-\(two(parts.month))-\(two(parts.day)) "
            + [parts.hour, parts.minute, parts.second].map(two).joined(separator: ":")
    }
}
