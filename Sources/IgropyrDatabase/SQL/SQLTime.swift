package import FoundationEssentials
package import IgropyrTime

/// A time as databases keep it: a day and a time of that day, in UTC, to the microsecond, of the years 1 to 9999.
package struct SQLTime: Equatable, Sendable {
    private static let years = 1...9999
    private static let secondsADay = 86_400
    /// From 1 January 1970 to 2001, where `Date` begins to count.
    private static let dayOfReference = 11_323

    package let day: CalendarDay
    package let secondOfDay: Int
    package let microsecond: Int

    /// Nil outside of those years.
    package init?(_ date: Date) {
        let time = date.timeIntervalSinceReferenceDate
        guard time.magnitude < 1e12 else { return nil }
        // Parted first: seconds and their fraction are exact, microseconds of them all would not be.
        var seconds = Int(time.rounded(.down))
        var fraction = Int(((time - Double(seconds)) * 1e6).rounded())
        if fraction == 1_000_000 { (seconds, fraction) = (seconds + 1, 0) }
        self.init(seconds: seconds, microsecond: fraction)
    }

    /// Of the seconds since 2001.
    private init?(seconds: Int, microsecond: Int) {
        let secondOfDay = (seconds % Self.secondsADay + Self.secondsADay) % Self.secondsADay
        day = CalendarDay(number: (seconds - secondOfDay) / Self.secondsADay + Self.dayOfReference)
        self.secondOfDay = secondOfDay
        self.microsecond = microsecond
        guard Self.years.contains(day.year) else { return nil }
    }

    /// As servers write one: `2024-02-29`, `2024-02-29 23:59:59.25`, `2024-02-29 23:59:59+05:30`,
    /// `0001-12-31 19:00:00-05 BC`. Without an offset it is UTC.
    package init?(text: ArraySlice<UInt8>) {
        let era = " BC".utf8
        let isBeforeChrist = text.suffix(era.count).elementsEqual(era)
        var reader = DigitReader(isBeforeChrist ? text.dropLast(era.count) : text)
        guard let number = reader.number(4...6), number > 0, reader.take("-"), let month = reader.number(2),
            reader.take("-"),
            let dayOfMonth = reader.number(2)
        else { return nil }
        let year = isBeforeChrist ? 1 - number : number
        let day = CalendarDay(year: year, month: month, day: dayOfMonth)
        guard (1...12).contains(month), CalendarDay(number: day.number) == day else { return nil }
        let midnight = (day.number - Self.dayOfReference) * Self.secondsADay
        if reader.isAtEnd {
            self.init(seconds: midnight, microsecond: 0)
            return
        }
        guard reader.take(" ") || reader.take("T"), let time = reader.time(), let fraction = reader.fraction(),
            let offset = reader.offset(), reader.isAtEnd
        else { return nil }
        self.init(seconds: midnight + time - offset, microsecond: fraction)
    }

    package var date: Date {
        let seconds = (day.number - Self.dayOfReference) * Self.secondsADay + secondOfDay
        return Date(timeIntervalSinceReferenceDate: Double(seconds) + Double(microsecond) / 1e6)
    }

    /// `2024-02-29 23:59:59.250000`
    package var text: String {
        let date = "\(Self.padded(day.year, 4))-\(Self.padded(day.month, 2))-\(Self.padded(day.day, 2))"
        let time = [secondOfDay / 3600, secondOfDay / 60 % 60, secondOfDay % 60].map { Self.padded($0, 2) }
        return "\(date) \(time.joined(separator: ":")).\(Self.padded(microsecond, 6))"
    }

    private static func padded(_ number: Int, _ digits: Int) -> String {
        let text = "\(number)"
        return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
    }
}

/// Takes a text apart from the front.
private struct DigitReader {
    private var rest: ArraySlice<UInt8>

    init(_ text: ArraySlice<UInt8>) { rest = text }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard rest.first == UInt8(ascii: character) else { return false }
        rest.removeFirst()
        return true
    }

    mutating func number(_ digits: ClosedRange<Int>) -> Int? {
        let count = rest.prefix(while: isDigit).count
        return digits.contains(count) ? number(count) : nil
    }

    /// Of just so many digits.
    mutating func number(_ digits: Int) -> Int? {
        let field = rest.prefix(digits)
        guard field.count == digits, field.allSatisfy(isDigit) else { return nil }
        rest.removeFirst(digits)
        return field.reduce(0) { $0 * 10 + Int($1 & 0x0F) }
    }

    /// Seconds since midnight.
    mutating func time() -> Int? {
        guard let hour = number(2), hour < 24, take(":"), let minute = number(2), minute < 60, take(":"),
            let second = number(2), second < 60
        else { return nil }
        return hour * 3600 + minute * 60 + second
    }

    /// Microseconds: 0 if there is none.
    mutating func fraction() -> Int? {
        guard take(".") else { return 0 }
        let digits = rest.prefix(while: isDigit)
        guard let number = number(1...6) else { return nil }
        return (digits.count..<6).reduce(number) { number, _ in number * 10 }
    }

    /// Seconds east of Greenwich: 0 if nothing is said. Before zones there were offsets of seconds, too.
    mutating func offset() -> Int? {
        let isWest = take("-")
        guard isWest || take("+") else { return 0 }
        guard let hours = number(2) else { return nil }
        var offset = hours * 3600
        for unit in [60, 1] where take(":") {
            guard let part = number(2), part < 60 else { return nil }
            offset += part * unit
        }
        return isWest ? -offset : offset
    }

    private func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}
