internal import FoundationEssentials
public import IgropyrOrchestration

extension UnixTime {
    /// The wall clock, which may jump.
    public static var now: UnixTime { UnixTime(milliseconds: Int64(Date.now.timeIntervalSince1970 * 1000)) }
}
