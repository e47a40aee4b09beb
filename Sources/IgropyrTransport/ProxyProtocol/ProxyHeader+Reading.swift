internal import IgropyrHTTP
internal import IgropyrUV

/// What each header of version 2 begins with.
let proxySignature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]

extension ProxyHeader {
    /// The first bytes of version 1.
    private static let name = Array("PROXY ".utf8)
    private static let maximumLineBytes = 107
    private static let fixedBytes = 16

    /// Reads the header at the begin of a connection, of either version, and how many bytes it has. Nil if it is not
    /// whole: ask again with the same bytes and more. However they are cut, the outcome is the same.
    public static func read(_ bytes: RawSpan) throws(Failure) -> (header: ProxyHeader, byteCount: Int)? {
        guard bytes.byteCount > 0 else { return nil }
        let text = Span<UInt8>(_bytes: bytes)
        switch text[0] {
        case name[0]: return try readLine(text)
        case proxySignature[0]: return try readBinary(text)
        default: throw .noHeader
        }
    }

    private static func check(_ text: Span<UInt8>, beginsWith prefix: [UInt8]) throws(Failure) {
        for index in 0..<min(text.count, prefix.count) where text[index] != prefix[index] { throw .noHeader }
    }

    // MARK: Version 1

    private static func readLine(_ text: Span<UInt8>) throws(Failure) -> (header: ProxyHeader, byteCount: Int)? {
        try check(text, beginsWith: name)
        let end = min(text.count, maximumLineBytes)
        var index = min(name.count, end)
        while index < end, text[index] >= 0x20, text[index] < 0x7F { index += 1 }
        guard index < end else {
            guard end < maximumLineBytes else { throw .tooLong }
            return nil
        }
        guard text[index] == 0x0D else { throw .invalidLine }
        guard index + 1 < maximumLineBytes else { throw .tooLong }
        guard index + 1 < text.count else { return nil }
        guard text[index + 1] == 0x0A else { throw .invalidLine }
        let line = unsafe text.bytes.string(in: name.count..<index)
        return (try parse(line), index + 2)
    }

    /// What stands between `PROXY ` and the end of the line.
    private static func parse(_ line: String) throws(Failure) -> ProxyHeader {
        let words = line.split(separator: " ", omittingEmptySubsequences: false)
        if words[0] == "UNKNOWN" { return .local }  // Whatever follows.
        guard words.count == 5, let sourcePort = port(words[3]), let destinationPort = port(words[4]),
            let source = address(words[1], sourcePort), let destination = address(words[2], destinationPort)
        else { throw .invalidLine }
        switch (words[0], source.host, destination.host) {
        case ("TCP4", .v4, .v4), ("TCP6", .v6, .v6): return .proxied(source: source, destination: destination)
        default: throw .invalidLine
        }
    }

    private static func address(_ text: Substring, _ port: UInt16) -> SocketAddress? {
        text.contains("%") ? nil : SocketAddress(String(text), port: port)
    }

    /// Up to five digits, without leading zeros.
    private static func port(_ text: Substring) -> UInt16? {
        guard (1...5).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            text == "0" || !text.hasPrefix("0")
        else { return nil }
        return UInt16(text)
    }

    // MARK: Version 2

    private static func readBinary(_ text: Span<UInt8>) throws(Failure) -> (header: ProxyHeader, byteCount: Int)? {
        try check(text, beginsWith: proxySignature)
        guard text.count > 12 else { return nil }
        guard text[12] == 0x20 || text[12] == 0x21 else { throw .unknownKind }
        guard text.count > 13 else { return nil }
        let (family, transport) = (text[13] >> 4, text[13] & 0x0F)
        guard family <= 3, transport <= 2 else { throw .unknownKind }
        guard text.count >= fixedBytes else { return nil }
        let end = fixedBytes + Int(text[14]) << 8 + Int(text[15])
        guard end <= maximumBytes else { throw .tooLong }
        guard text.count >= end else { return nil }
        guard text[12] == 0x21 else { return (.local, end) }  // Whatever there is beyond is to be skipped.
        let header = text.extracting(..<end)
        let addressBytes = [0, 12, 36, 216][Int(family)]
        guard end >= fixedBytes + addressBytes else { throw .invalidLength }
        if family > 0 { try checkExtensions(of: header, from: fixedBytes + addressBytes) }
        guard transport == 1 else { return (.local, end) }
        switch family {
        case 1: return (addresses(in: header, size: 4, v4), end)
        case 2: return (addresses(in: header, size: 16, v6), end)
        default: return (.local, end)
        }
    }

    private static func addresses(
        in header: Span<UInt8>, size: Int, _ host: (Span<UInt8>, Int) -> SocketAddress.Host
    ) -> ProxyHeader {
        let ports = fixedBytes + 2 * size
        func address(_ start: Int, _ port: Int) -> SocketAddress {
            SocketAddress(host: host(header, start), port: UInt16(header[port]) << 8 | UInt16(header[port + 1]))
        }
        return .proxied(
            source: address(fixedBytes, ports), destination: address(fixedBytes + size, ports + 2))
    }

    private static func v4(_ bytes: Span<UInt8>, _ start: Int) -> SocketAddress.Host {
        .v4(bytes[start], bytes[start + 1], bytes[start + 2], bytes[start + 3])
    }

    private static func v6(_ bytes: Span<UInt8>, _ start: Int) -> SocketAddress.Host {
        func half(_ start: Int) -> UInt64 { (start..<(start + 8)).reduce(0) { $0 << 8 | UInt64(bytes[$1]) } }
        return .v6(half(start), half(start + 8), zone: 0)
    }

    /// The type-length-value records after the addresses fill what is left; a checksum among them is right.
    private static func checkExtensions(of header: Span<UInt8>, from start: Int) throws(Failure) {
        var start = start
        while start < header.count {
            guard start + 3 <= header.count else { throw .invalidLength }
            let value = start + 3
            let next = value + Int(header[start + 1]) << 8 + Int(header[start + 2])
            guard next <= header.count else { throw .invalidLength }
            if header[start] == 0x03 {  // PP2_TYPE_CRC32C
                guard next == value + 4 else { throw .invalidLength }
                let stated = (value..<next).reduce(UInt32(0)) { $0 << 8 | UInt32(header[$1]) }
                guard stated == checksum(of: header, without: value..<next) else { throw .wrongChecksum }
            }
            start = next
        }
    }

    /// CRC-32C (RFC 9260, appendix A), with the checksum's own bytes taken as zeros.
    static func checksum(of header: Span<UInt8>, without own: Range<Int>) -> UInt32 {
        var sum = UInt32.max
        for index in 0..<header.count {
            sum ^= own.contains(index) ? 0 : UInt32(header[index])
            for _ in 0..<8 { sum = sum & 1 == 0 ? sum >> 1 : sum >> 1 ^ 0x82F6_3B78 }
        }
        return ~sum
    }
}
