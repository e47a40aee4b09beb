public import FoundationEssentials
public import IgropyrHTTP

extension HTTPDate {
    /// The second that `date` is in, since a last change must not lie in the future; times outside of ``validSeconds``
    /// become the nearest inside.
    public init(_ date: Date) {
        let seconds = date.timeIntervalSince1970.rounded(.down)
        self.init(seconds: Int64(exactly: seconds) ?? (seconds > 0 ? .max : .min))
    }
}

extension Date {
    /// The beginning of that second.
    public init(_ date: HTTPDate) { self.init(timeIntervalSince1970: Double(date.seconds)) }
}
