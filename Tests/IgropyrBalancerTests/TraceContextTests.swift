import Testing

@testable import IgropyrBalancer

private let valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

private let fields: [(field: String, isValid: Bool)] = [
    (valid, true),
    ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-the-future-will-be-like", true),
    (valid + "-more", false),  // Version 00 has no more.
    ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.what", false),
    ("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false),
    ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", false),
    ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", false),
    ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false),
    ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", false),
    ("00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false),
    ("0 -4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false),
    ("", false),
]

@Test(arguments: fields) func `a traceparent is read as its standard has it`(field: String, isValid: Bool) {
    #expect((TraceContext(field.utf8.span) != nil) == isValid)
}

@Test func `what was read is written again`() {
    #expect(TraceContext(valid.utf8.span)?.fieldValue == valid)
    #expect(TraceContext(valid.utf8.span)?.traceIDText == "4bf92f3577b34da6a3ce929d0e0e4736")
}

@Test func `a new trace is sampled, and another one each time`() throws {
    let (one, other) = (TraceContext(), TraceContext())
    #expect(TraceContext(one.fieldValue.utf8.span) == one)
    #expect(one.flags == 1 && one.traceID != other.traceID)
}
