import Foundation
import Testing

@testable import IgropyrDatabase

/// What servers write, and seconds since 1970 of what it means; nil for what is no time.
private let times: [(text: String, seconds: Double?)] = [
    ("1970-01-01", 0), ("1970-01-01 00:00:00", 0), ("2024-02-29T23:59:59.25", 1_709_251_199.25),
    ("2024-02-29 23:59:59.000001+00", 1_709_251_199.000001), ("2024-03-01 05:29:59+05:30", 1_709_251_199),
    ("1883-11-18 12:00:00-04:56:02", -2_717_651_038), ("0001-01-01 00:00:00", -62_135_596_800),
    ("9999-12-31 23:59:59", 253_402_300_799), ("10000-01-01 05:29:59.5+05:30", 253_402_300_799.5),
    ("0001-12-31 19:00:00-05 BC", -62_135_596_800), ("1969-12-31 23:59:59.5", -0.5),
    ("", nil), ("infinity", nil), ("0000-00-00 00:00:00", nil), ("0000-01-01", nil), ("0000-12-31 23:00:00-05", nil),
    ("2023-02-29", nil),
    ("2024-13-01", nil), ("2024-00-10", nil), ("2024-01-32", nil), ("2024-01-01 24:00:00", nil),
    ("2024-01-01 10:60:00", nil), ("10000-01-01 00:00:00", nil), ("0044-03-15 00:00:00 BC", nil),
    ("2024-01-01 10:00", nil), ("2024-01-01 10:00:00.", nil), ("2024-01-01 10:00:00.1234567", nil),
    ("2024-01-01 10:00:00+1", nil), ("2024-01-01 10:00:00+01:00 ", nil), ("+024-01-01", nil), ("29.02.2024", nil),
    ("0001-01-01 00:00:00+01", nil),
]

private let decimals: [(text: String, description: String?)] = [
    ("0.10", "0.1"), ("-12.500", "-12.5"), ("7", "7"), ("100", "100"), ("-0.00", "0"), ("0.0000000001", "0.0000000001"),
    ("12345678901234567890.123456789012345678", "12345678901234567890.123456789012345678"),
    ("99999999999999999999999999999999999999", "99999999999999999999999999999999999999"),
    ("123456789012345678901234567890.1234567890", "123456789012345678901234567890.123456789"),
    ("", nil), ("NaN", nil), ("Infinity", nil), ("1x", nil), ("x", nil), (" 1", nil), ("1e3", nil), ("1.2.3", nil),
    ("3402823669209384634633746074317682114561", nil), ("1.00000000000000000000000000000000000000001", nil),
]

private let arrays: [(text: String, elements: [String?]?)] = [
    ("{}", []), ("{1,2}", ["1", "2"]), ("{NULL,\"NULL\",null}", [nil, "NULL", "null"]),
    (#"{"a, \"b\"","\\",""}"#, ["a, \"b\"", "\\", ""]), ("[0:1]={a,b}", ["a", "b"]), ("{\u{e4}}", ["\u{e4}"]),
    ("", nil), ("{", nil), ("1,2", nil), ("{1,}", nil), ("{,1}", nil), ("{{1},{2}}", nil), (#"{"a}"#, nil),
    (#"{"a\"}"#, nil), (#"{"a"b}"#, nil), ("[0:1]", nil), ("{}}", nil),
]

struct SQLValueTests {
    @Test func `a row is read by the types of its columns, or by that of its only one`() throws {
        var one = SQLRows(columns: ["count"])
        one.append("7".utf8)
        one.endRow()
        #expect(try one[0].decode(Int.self) == 7 && one.decode(Int.self) == [7])
        var three = SQLRows(columns: ["id", "name", "sum"])
        for text in ["7", "x", "1.5"] { three.append(text.utf8) }
        three.endRow()
        let (id, name) = try three[0].decode(Int.self, String.self)
        #expect(id == 7 && name == "x")
        let (_, _, sum) = try three[0].decode(Int.self, String.self, Double.self)
        #expect(sum == 1.5)
    }

    @Test(arguments: times) func `a time is read as it is written, or not at all`(text: String, seconds: Double?) {
        let date = Date(sqlBytes: Array(text.utf8)[...])
        #expect(date == seconds.map { Date(timeIntervalSince1970: $0) })
    }

    @Test func `a time is the same once it was written and read, to the microsecond`() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<10_000 {
            let microseconds = Int64.random(in: -62_135_596_800_000_000...253_402_300_799_999_999, using: &generator)
            let (seconds, fraction) = microseconds.quotientAndRemainder(dividingBy: 1_000_000)
            let date = Date(timeIntervalSinceReferenceDate: Double(seconds - 978_307_200) + Double(fraction) / 1e6)
            guard let time = SQLTime(date) else { continue }  // Rounded to the year 10000.
            #expect(Date(sqlBytes: Array(time.text.utf8)[...]) == date, "\(microseconds)")
        }
        for date in [Date.distantFuture, Date(timeIntervalSince1970: 0)] {
            #expect(SQLTime(date)?.date == date)
        }
        for seconds in [-62_135_596_801, 253_402_300_800, 1e300, .infinity, .nan] {
            #expect(SQLTime(Date(timeIntervalSince1970: seconds)) == nil)
        }
    }

    @Test(arguments: decimals) func `a decimal number is read exactly, or not at all`(
        text: String, description: String?
    ) {
        #expect(Decimal(sqlBytes: Array(text.utf8)[...])?.description == description)
    }

    @Test(arguments: arrays) func `an array of one dimension is read as PostgreSQL writes it`(
        text: String, elements: [String?]?
    ) {
        #expect([String?](sqlBytes: Array(text.utf8)[...]) == elements)
    }
}
