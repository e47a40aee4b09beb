internal import Igropyr
internal import IgropyrHTTP

/// A request's fields as a program is told of them: `HTTP_…` (RFC 3875 §4.1.18), several of a name as one.
///
/// Not those that have variables of their own, nor what was between the client and this server only, nor names with an
/// underscore, which would pass for others; nor `Proxy`, which programs take for the address of one (CVE-2016-5385).
struct FieldVariables {
    private let head: [UInt8]
    private let fields: [(name: Range<Int>, value: Range<Int>)]
    /// Who has authenticated the client keeps the password to itself.
    private let hidesAuthorization: Bool

    init(of call: FileRequest) {
        (head, fields) = call.request.fieldRanges
        hidesAuthorization = call.user != nil
    }

    /// All together take so much at most: a value that joins another's needs no more than one by itself.
    var limitBytes: Int {
        let besides = MetaVariables.longestLengthsBytes + Self.prefix.utf8CodeUnitCount
        return fields.reduce(0) { $0 + besides + $1.name.count + $1.value.count }
    }

    /// - Precondition: There is room for ``limitBytes``.
    func append(to output: inout OutputSpan<UInt8>) {
        let bytes = unsafe head.span.bytes
        for index in fields.indices {
            let name = fields[index].name
            guard isTold(name, in: bytes), !hasNamesake(name, before: index, in: bytes) else { continue }
            let separator: StaticString = bytes.equals("cookie", in: name) ? "; " : ", "
            output.append(
                lengthOfName: Self.prefix.utf8CodeUnitCount + name.count,
                ofValue: valueCount(from: index, separator.utf8CodeUnitCount, in: bytes))
            output.append(Self.prefix)
            for offset in name { output.append(Self.variableByte(head[offset])) }
            output.append(bytes.extracting(fields[index].value))
            for other in fields[(index + 1)...] where bytes.isSameName(other.name, name) {
                output.append(separator)
                output.append(bytes.extracting(other.value))
            }
        }
    }

    private func isTold(_ name: Range<Int>, in bytes: RawSpan) -> Bool {
        if hidesAuthorization, bytes.equals("authorization", in: name) { return false }
        for withheld in Self.withheld where withheld.utf8CodeUnitCount == name.count {
            if bytes.equals(withheld, in: name) { return false }
        }
        for offset in name where head[offset] == UInt8(ascii: "_") { return false }
        return true
    }

    private func hasNamesake(_ name: Range<Int>, before index: Int, in bytes: RawSpan) -> Bool {
        for other in fields[..<index] where bytes.isSameName(other.name, name) { return true }
        return false
    }

    /// Of the field and those behind it that have its name.
    private func valueCount(from index: Int, _ separatorCount: Int, in bytes: RawSpan) -> Int {
        var count = fields[index].value.count
        for other in fields[(index + 1)...] where bytes.isSameName(other.name, fields[index].name) {
            count += separatorCount + other.value.count
        }
        return count
    }

    private static let withheld: [StaticString] = [
        "content-length", "content-type", "connection", "keep-alive", "proxy", "proxy-authorization",
        "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
    ]

    private static let prefix: StaticString = "HTTP_"

    private static func variableByte(_ byte: UInt8) -> UInt8 {
        switch byte {
        case UInt8(ascii: "-"): UInt8(ascii: "_")
        case UInt8(ascii: "a")...UInt8(ascii: "z"): byte & ~0x20
        default: byte
        }
    }
}
