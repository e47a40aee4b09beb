import IgropyrTransport
import IgropyrUV
import Testing

private let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]

private func proxied(_ source: String, _ destination: String) -> ProxyHeader {
    .proxied(
        source: SocketAddress(parsing: source, defaultPort: 0)!,
        destination: SocketAddress(parsing: destination, defaultPort: 0)!)
}

private enum Outcome: Equatable {
    case header(ProxyHeader, Int)
    case failure(ProxyHeader.Failure)
    case unfinished
}

/// What is made of bytes that come in pieces.
private func outcome(_ bytes: [UInt8], step: Int = .max) -> Outcome {
    var count = 0
    while count < bytes.count {
        count = min(bytes.count, step == .max ? .max : count + step)
        do {
            let result = try Array(bytes[..<count]).withUnsafeBytes { try ProxyHeader.read($0.bytes) }
            if let (header, count) = result { return .header(header, count) }
        } catch { return .failure(error as! ProxyHeader.Failure) }
    }
    return .unfinished
}

private let v4 = proxied("192.168.0.1:56324", "192.168.0.11:443")
private let v6 = proxied("[2001:db8::1]:65535", "[::1]:1")

private let lines: [(text: String, outcome: Outcome)] = [
    ("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n", .header(v4, 47)),
    ("PROXY TCP6 2001:db8::1 ::1 65535 1\r\n", .header(v6, 36)),
    ("PROXY TCP6 2001:DB8:0:0:0:0:0:1 0:0:0:0:0:0:0:1 65535 1\r\n", .header(v6, 57)),
    ("PROXY TCP4 0.0.0.0 255.255.255.255 0 0\r\n", .header(proxied("0.0.0.0:0", "255.255.255.255:0"), 40)),
    ("PROXY UNKNOWN\r\n", .header(.local, 15)),
    ("PROXY UNKNOWN ffff::1 what ever\r\n", .header(.local, 33)),
    ("PROXY UNKNOWN" + String(repeating: " ", count: 92) + "\r\n", .header(.local, 107)),
    ("PROXY UNKNOWN" + String(repeating: " ", count: 93) + "\r\n", .failure(.tooLong)),
    ("PROXY UNKNOWN" + String(repeating: " ", count: 100), .failure(.tooLong)),
    ("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443", .unfinished), ("PROXY", .unfinished),
    ("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\n", .failure(.invalidLine)),
    ("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\rX", .failure(.invalidLine)),
    ("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443 \r\n", .failure(.invalidLine)),
    ("PROXY TCP4  192.168.0.1 192.168.0.11 56324 443\r\n", .failure(.invalidLine)),
    ("PROXY TCP4\t192.168.0.1 192.168.0.11 56324 443\r\n", .failure(.invalidLine)),
    ("PROXY TCP4 192.168.0.1 192.168.0.11 56324\r\n", .failure(.invalidLine)),
    ("PROXY TCP4 192.168.0.01 192.168.0.11 56324 443\r\n", .failure(.invalidLine)),
    ("PROXY TCP4 192.168.0.256 192.168.0.11 56324 443\r\n", .failure(.invalidLine)),
    ("PROXY TCP4 192.168.1 192.168.0.11 56324 443\r\n", .failure(.invalidLine)),
    ("PROXY TCP4 192.168.0.1 192.168.0.11 056324 443\r\n", .failure(.invalidLine)),
    ("PROXY TCP4 192.168.0.1 192.168.0.11 56324 65536\r\n", .failure(.invalidLine)),
    ("PROXY TCP4 192.168.0.1 192.168.0.11 56324 +443\r\n", .failure(.invalidLine)),
    ("PROXY TCP4 192.168.0.1 192.168.0.11 56324 \r\n", .failure(.invalidLine)),
    ("PROXY TCP6 192.168.0.1 192.168.0.11 56324 443\r\n", .failure(.invalidLine)),
    ("PROXY TCP4 ::1 ::1 56324 443\r\n", .failure(.invalidLine)),
    ("PROXY TCP4 192.168.0.1 ::1 56324 443\r\n", .failure(.invalidLine)),
    ("PROXY TCP6 fe80::1%1 ::1 1 2\r\n", .failure(.invalidLine)),
    ("PROXY TCP6 1::2::3 ::1 1 2\r\n", .failure(.invalidLine)),
    ("PROXY UDP4 192.168.0.1 192.168.0.11 56324 443\r\n", .failure(.invalidLine)),
    ("PROXY tcp4 192.168.0.1 192.168.0.11 56324 443\r\n", .failure(.invalidLine)),
    ("PROXY \r\n", .failure(.invalidLine)), ("PROXY\r\n", .failure(.noHeader)),
    ("proxy TCP4 1.1.1.1 1.1.1.1 1 1\r\n", .failure(.noHeader)), ("GET / HTTP/1.1\r\n", .failure(.noHeader)),
    ("POST / HTTP/1.1\r\n", .failure(.noHeader)), ("\r\n\r\nGET / HTTP/1.1\r\n", .failure(.noHeader)),
]

private let four: [UInt8] = [192, 168, 0, 1, 192, 168, 0, 11, 0xDC, 0x04, 0x01, 0xBB]
private let six: [UInt8] =
    [0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1] + [UInt8](repeating: 0, count: 15)
    + [1, 0xFF, 0xFF, 0, 1]
private let unix = [UInt8](repeating: 0x61, count: 216)
/// PP2_TYPE_NOOP with three bytes, then PP2_TYPE_AUTHORITY.
private let extensions: [UInt8] = [0x04, 0, 3, 9, 9, 9, 0x02, 0, 1, 0x61]

private func binary(_ command: UInt8, _ family: UInt8, _ rest: [UInt8], length: Int? = nil) -> [UInt8] {
    let length = length ?? rest.count
    return signature + [command, family, UInt8(length >> 8), UInt8(length & 0xFF)] + rest
}

/// With a checksum that other code has computed.
private let checked = binary(0x21, 0x11, four + [0x03, 0, 4, 0x1C, 0x1A, 0xE9, 0xC6])

private let headers: [(bytes: [UInt8], outcome: Outcome)] = [
    (binary(0x21, 0x11, four), .header(v4, 28)), (binary(0x21, 0x21, six), .header(v6, 52)),
    (binary(0x21, 0x11, four + extensions), .header(v4, 38)), (binary(0x20, 0x00, []), .header(.local, 16)),
    (binary(0x20, 0x11, four), .header(.local, 28)), (binary(0x20, 0x11, [1, 2, 3]), .header(.local, 19)),
    (binary(0x21, 0x00, [1, 2, 3]), .header(.local, 19)), (binary(0x21, 0x12, four), .header(.local, 28)),
    (binary(0x21, 0x31, unix), .header(.local, 232)), (binary(0x21, 0x11, four, length: 13), .unfinished),
    (binary(0x21, 0x11, four + [0x04, 0x07, 0xE1] + [UInt8](repeating: 0, count: 2017)), .header(v4, 2048)),
    (binary(0x21, 0x11, four + [0x04, 0x07, 0xE2] + [UInt8](repeating: 0, count: 2018)), .failure(.tooLong)),
    (binary(0x21, 0x11, [], length: 65_535), .failure(.tooLong)),
    (binary(0x11, 0x11, four), .failure(.unknownKind)), (binary(0x22, 0x11, four), .failure(.unknownKind)),
    (binary(0x21, 0x41, four), .failure(.unknownKind)), (binary(0x21, 0x13, four), .failure(.unknownKind)),
    (binary(0x21, 0x11, Array(four.dropLast())), .failure(.invalidLength)),
    (binary(0x21, 0x21, four), .failure(.invalidLength)), (binary(0x21, 0x31, six), .failure(.invalidLength)),
    (binary(0x21, 0x11, four + [0x04]), .failure(.invalidLength)),
    (binary(0x21, 0x11, four + [0x04, 0, 2, 9]), .failure(.invalidLength)),
    (binary(0x21, 0x11, four + [0x03, 0, 3, 1, 2, 3]), .failure(.invalidLength)),
    (binary(0x21, 0x11, four + [0x03, 0, 4, 1, 2, 3, 4]), .failure(.wrongChecksum)),
    (checked, .header(v4, 35)), (Array(signature.dropLast()) + [0x0B], .failure(.noHeader)),
]

@Suite struct ProxyHeaderTests {
    @Test(arguments: lines) private func `a line is judged the same however it is cut`(text: String, expected: Outcome)
    {
        for step in [.max, 7, 1] { #expect(outcome(Array(text.utf8), step: step) == expected) }
    }

    @Test(arguments: headers) private func `a binary header is judged the same however it is cut`(
        bytes: [UInt8], expected: Outcome
    ) {
        for step in [.max, 7, 1] { #expect(outcome(bytes, step: step) == expected) }
    }

    @Test(arguments: [ProxyHeader.Version.v1, .v2]) func `what follows the header is left alone, and headers read back`(
        version: ProxyHeader.Version
    ) {
        for header in [v4, v6, .local, proxied("[::ffff:1.2.3.4]:5", "[2001:db8::2]:6")] {
            let bytes = header.bytes(version)
            for step in [.max, 1] {
                #expect(outcome(bytes + signature + Array("PROXY".utf8), step: step) == .header(header, bytes.count))
            }
        }
        let mixed = proxied("1.2.3.4:5", "[2001:db8::2]:6").bytes(version)
        #expect(outcome(mixed) == .header(proxied("[::ffff:1.2.3.4]:5", "[2001:db8::2]:6"), mixed.count))
    }

    @Test func `one damaged byte never traps, nor is a cut header whole`() {
        for (bytes, _) in headers where bytes.count < 300 {
            for index in bytes.indices {
                for bit in 0..<8 {
                    var damaged = bytes
                    damaged[index] ^= 1 << UInt8(bit)
                    _ = outcome(damaged)
                }
            }
        }
        for header in [v4, v6] {
            for version in [ProxyHeader.Version.v1, .v2] {
                let bytes = header.bytes(version)
                for count in bytes.indices { #expect(outcome(Array(bytes[..<count])) == .unfinished) }
            }
        }
    }
}
