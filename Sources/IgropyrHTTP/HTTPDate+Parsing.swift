internal import IgropyrTime

extension HTTPDate {
    /// Reads the three forms of RFC 9110 §5.6.7: IMF-fixdate, RFC 850's and asctime's. Nil for anything else, and for
    /// dates that do not exist. The day of the week must be one, but need not be the date's. RFC 850's two digits mean
    /// the years 1970…2069.
    public init?(_ text: String) {
        guard text.utf8.count <= 33 else { return nil }
        let bytes = Array(text.utf8)
        var fixdate = DateReader(bytes)
        var rfc850 = DateReader(bytes)
        var asctime = DateReader(bytes)
        guard let seconds = fixdate.fixdate() ?? rfc850.rfc850() ?? asctime.asctime() else { return nil }
        self.init(seconds: seconds)
    }
}

/// Takes a date apart from the front; each step is nil if the text goes on otherwise.
private struct DateReader {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// `Sun, 06 Nov 1994 08:49:37 GMT`
    mutating func fixdate() -> Int64? {
        guard weekday(isLong: false), take(", "), let day = number(2), take(" "), let month = month(), take(" "),
            let year = number(4), take(" "), let time = time(), take(" GMT")
        else { return nil }
        return seconds(year, month, day, time)
    }

    /// `Sunday, 06-Nov-94 08:49:37 GMT`
    mutating func rfc850() -> Int64? {
        guard weekday(isLong: true), take(", "), let day = number(2), take("-"), let month = month(), take("-"),
            let year = number(2), take(" "), let time = time(), take(" GMT")
        else { return nil }
        return seconds(year < 70 ? 2000 + year : 1900 + year, month, day, time)
    }

    /// `Sun Nov  6 08:49:37 1994`
    mutating func asctime() -> Int64? {
        guard weekday(isLong: false), take(" "), let month = month(), take(" "),
            let day = take(" ") ? number(1) : number(2), take(" "), let time = time(), take(" "), let year = number(4)
        else { return nil }
        return seconds(year, month, day, time)
    }

    private mutating func weekday(isLong: Bool) -> Bool {
        HTTPDate.weekdays.contains { take(isLong ? $0 : String($0.prefix(3))) }
    }

    private mutating func month() -> Int? {
        HTTPDate.months.firstIndex { take($0) }.map { $0 + 1 }
    }

    /// Seconds since midnight; a leap second counts as the one before it.
    private mutating func time() -> Int? {
        guard let hour = number(2), hour < 24, take(":"), let minute = number(2), minute < 60, take(":"),
            let second = number(2), second <= 60
        else { return nil }
        return hour * 3600 + minute * 60 + min(second, 59)
    }

    private mutating func number(_ digits: Int) -> Int? {
        guard bytes.count - position >= digits else { return nil }
        var number = 0
        for byte in bytes[position..<(position + digits)] {
            guard byte.isDigit else { return nil }
            number = number * 10 + Int(byte & 0x0F)
        }
        position += digits
        return number
    }

    private mutating func take(_ text: String) -> Bool {
        guard bytes[position...].starts(with: text.utf8) else { return false }
        position += text.utf8.count
        return true
    }

    /// Nil unless the text is at its end and the day exists.
    private func seconds(_ year: Int, _ month: Int, _ day: Int, _ time: Int) -> Int64? {
        guard position == bytes.count, day >= 1 else { return nil }
        let first = CalendarDay(year: year, month: month, day: 1).number
        let next = CalendarDay(
            year: month == 12 ? year + 1 : year, month: month == 12 ? 1 : month + 1, day: 1
        ).number
        guard day <= next - first else { return nil }
        return Int64(first + day - 1) * 86_400 + Int64(time)
    }
}
