internal import FoundationEssentials
internal import IgropyrOrchestration

extension UnixTime {
    /// The wall clock, which may jump.
    static var now: UnixTime { UnixTime(milliseconds: Int64(Date.now.timeIntervalSince1970 * 1000)) }
}
