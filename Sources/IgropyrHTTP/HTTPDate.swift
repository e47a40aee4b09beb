internal import IgropyrTime

/// A time as HTTP writes it, in whole seconds of UTC (RFC 9110 §5.6.7). Made once a second and kept, it is a cache:
/// writing it is one copy of 29 bytes.
public struct HTTPDate: Sendable, Hashable {
    /// Years 0…9999: what four digits can say.
    public static let validSeconds: ClosedRange<Int64> = -62_167_219_200...253_402_300_799

    /// Seconds since 1970, without leap seconds.
    public let seconds: Int64
    private let bytes: InlineArray<29, UInt8>

    /// Times outside ``validSeconds`` become the nearest inside.
    public init(seconds: Int64) {
        self.seconds = min(max(seconds, Self.validSeconds.lowerBound), Self.validSeconds.upperBound)
        bytes = Self.fixdate(self.seconds)
    }

    /// `Sun, 06 Nov 1994 08:49:37 GMT`
    public var text: String {
        var copy: [UInt8] = []
        append(to: &copy)
        return String(decoding: copy, as: UTF8.self)
    }

    public static func == (left: Self, right: Self) -> Bool { left.seconds == right.seconds }
    public func hash(into hasher: inout Hasher) { hasher.combine(seconds) }

    func append(to buffer: inout [UInt8]) {
        unsafe bytes.span.withUnsafeBufferPointer { unsafe buffer.append(contentsOf: $0) }
    }

    private static func fixdate(_ seconds: Int64) -> InlineArray<29, UInt8> {
        let time = Int(floorModulo(seconds, 86_400))
        let days = Int((seconds - Int64(time)) / 86_400)
        let date = CalendarDay(number: days)
        var bytes = InlineArray<29, UInt8>(repeating: .space)
        set(weekdays[Int(floorModulo(Int64(days) + 4, 7))].utf8.prefix(3), at: 0, in: &bytes)
        set(",".utf8.prefix(1), at: 3, in: &bytes)
        set(date.day, digits: 2, at: 5, in: &bytes)
        set(months[date.month - 1].utf8.prefix(3), at: 8, in: &bytes)
        set(date.year, digits: 4, at: 12, in: &bytes)
        set(time / 3600, digits: 2, at: 17, in: &bytes)
        set(":".utf8.prefix(1), at: 19, in: &bytes)
        set(time / 60 % 60, digits: 2, at: 20, in: &bytes)
        set(":".utf8.prefix(1), at: 22, in: &bytes)
        set(time % 60, digits: 2, at: 23, in: &bytes)
        set("GMT".utf8.prefix(3), at: 26, in: &bytes)
        return bytes
    }

    private static func set(_ text: Substring.UTF8View, at start: Int, in bytes: inout InlineArray<29, UInt8>) {
        for (index, byte) in text.enumerated() { bytes[start + index] = byte }
    }

    private static func set(_ number: Int, digits: Int, at start: Int, in bytes: inout InlineArray<29, UInt8>) {
        var rest = number
        for index in stride(from: start + digits - 1, through: start, by: -1) {
            bytes[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
    }

    static let weekdays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
    static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// Always 0 ≤ result < `modulus`.
    private static func floorModulo(_ value: Int64, _ modulus: Int64) -> Int64 {
        let rest = value % modulus
        return rest < 0 ? rest + modulus : rest
    }
}
