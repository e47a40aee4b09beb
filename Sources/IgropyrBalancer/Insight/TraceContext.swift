import IgropyrText

/// The place of a request in a trace, as `traceparent` says it (<https://www.w3.org/TR/trace-context/> §3.2).
struct TraceContext: Hashable, Sendable {
    /// What the field is of this version: `00-<trace id>-<parent id>-<flags>`.
    private static let fieldBytes = 55

    let traceID: UInt128
    let parentID: UInt64
    let flags: UInt8

    /// A new trace. Its `sampled` flag is set: else the worker's tracer, which usually goes by it, would record
    /// nothing.
    init() {
        traceID = .random(in: 1 ... .max)
        parentID = .random(in: 1 ... .max)
        flags = 1
    }

    /// Nil for what receivers must take for nothing (§3.2.2): other characters than lower-case digits, zeros as an id.
    init?(_ field: Span<UInt8>) {
        guard field.count >= Self.fieldBytes, field[2] == .hyphen, field[35] == .hyphen, field[52] == .hyphen,
            let version = Self.number(in: field.extracting(0..<2)), version != 0xFF,
            field.count == Self.fieldBytes || version > 0 && field[55] == .hyphen,
            let traceID = Self.number(in: field.extracting(3..<35)), traceID != 0,
            let parentID = Self.number(in: field.extracting(36..<52)), parentID != 0,
            let flags = Self.number(in: field.extracting(53..<55))
        else { return nil }
        self.traceID = traceID
        self.parentID = UInt64(parentID)
        self.flags = UInt8(flags)
    }

    /// At most 32 digits.
    private static func number(in digits: Span<UInt8>) -> UInt128? {
        var number: UInt128 = 0
        for index in digits.indices {
            switch digits[index] {
            case let digit where 0x30...0x39 ~= digit: number = number << 4 | UInt128(digit - 0x30)
            case let digit where 0x61...0x66 ~= digit: number = number << 4 | UInt128(digit - 0x61 + 10)
            default: return nil
            }
        }
        return number
    }

    var traceIDText: String { Hexadecimal.text(traceID) }

    var fieldValue: String { "00-\(traceIDText)-\(Hexadecimal.text(parentID))-\(Hexadecimal.text(flags))" }
}

extension UInt8 {
    fileprivate static let hyphen = UInt8(ascii: "-")
}
