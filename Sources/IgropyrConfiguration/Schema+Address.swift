/// A host, by name or number, and a port, as a file has them.
public struct NetworkAddress: Hashable, Sendable, CustomStringConvertible {
    /// Without brackets.
    public var host: String
    public var port: UInt16

    public init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    public var description: String { host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// `10.0.0.1:80`, `[::1]:80`, `db.example.org:80`; `:80` is every IPv4 address of the machine. Nil without a port
    /// from 1 to 65 535, or with a host that is none by its characters.
    public init?(_ text: String) {
        guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")) else { return nil }
        let digits = text.utf8[text.utf8.index(after: colon)...]
        guard (1...5).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }),
            let port = UInt16(String(digits) ?? ""), port > 0
        else { return nil }
        self.port = port
        let host = text[..<colon]
        if host.isEmpty {
            self.host = "0.0.0.0"
        } else if host.hasPrefix("["), host.hasSuffix("]") {
            let inner = host.dropFirst().dropLast()
            guard inner.utf8.count >= 2, inner.utf8.contains(UInt8(ascii: ":")),
                inner.utf8.allSatisfy({ Self.isNameByte($0) || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "%") })
            else { return nil }
            self.host = String(inner)
        } else {
            guard host.utf8.count <= 253, host.utf8.allSatisfy(Self.isNameByte) else { return nil }
            self.host = String(host)
        }
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20) || "-._".utf8.contains(byte)
    }
}

extension Schema where Value == NetworkAddress {
    public static var address: Schema<NetworkAddress> {
        .text("an address with its port, such as 10.0.0.5:8080 or [::1]:8080") { NetworkAddress($0) }
    }
}
