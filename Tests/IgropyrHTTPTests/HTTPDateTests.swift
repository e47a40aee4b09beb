import IgropyrHTTP
import Testing

private let dates: [(Int64, String)] = [
    (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"), (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
    (-1, "Wed, 31 Dec 1969 23:59:59 GMT"), (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
    (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"), (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
    (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"), (-62_167_219_200, "Sat, 01 Jan 0000 00:00:00 GMT"),
]

@Test(arguments: dates) func `a date is written and read`(seconds: Int64, text: String) {
    #expect(HTTPDate(seconds: seconds).text == text)
    #expect(HTTPDate(text)?.seconds == seconds)
}

@Test func `days of 400 years read back, and days of the week follow each other`() {
    let names = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    for day in stride(from: Int64(0), to: 146_097, by: 5) {
        let date = HTTPDate(seconds: day * 86_400 + 86_399)
        #expect(HTTPDate(date.text) == date && date.text.hasPrefix(names[Int(day + 4) % 7]))
    }
}

@Test(
    arguments: [
        ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777), ("Sun Nov  6 08:49:37 1994", 784_111_777),
        ("Wed Nov 16 08:49:37 1994", 784_975_777), ("Thursday, 01-Jan-70 00:00:00 GMT", 0),
        ("Tuesday, 31-Dec-69 23:59:59 GMT", 3_155_759_999), ("Sun, 06 Nov 1994 08:49:60 GMT", 784_111_799),
    ] as [(String, Int64)])
func `obsolete forms and leap seconds are read`(text: String, seconds: Int64) {
    #expect(HTTPDate(text)?.seconds == seconds)
}

@Test(arguments: [
    "", "Sun", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 GMT ", "Sun, 6 Nov 1994 08:49:37 GMT",
    "Sun, 06 nov 1994 08:49:37 GMT", "Sun, 31 Nov 1994 08:49:37 GMT", "Sun, 29 Feb 2023 08:49:37 GMT",
    "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:37 GMT",
    "Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 06 Nov 1994 +8:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 UTC",
    "Sun Nov 06 08:49:37 94", "Sunday, 06 Nov 1994 08:49:37 GMT", "Sun, 29 Feb 1900 08:49:37 GMT",
])
func `what is no date is refused`(text: String) {
    #expect(HTTPDate(text) == nil)
}

@Test func `times beyond four digits of years stay at the end`() {
    #expect(HTTPDate(seconds: .max).text == "Fri, 31 Dec 9999 23:59:59 GMT")
    #expect(HTTPDate(seconds: .min).text == "Sat, 01 Jan 0000 00:00:00 GMT")
}
