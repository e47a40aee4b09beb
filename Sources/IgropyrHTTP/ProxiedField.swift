/// What a field is to a proxy, told by its name.
@frozen package enum ProxiedField {
    /// It belongs to one connection and not to the message (RFC 9110 §7.6.1), or is framing and made anew, so that it
    /// is not passed on. `Proxy-Authorization` is among these since nothing behind is a proxy.
    case hopByHop
    /// Likewise; what it says of trailers a proxy may say itself.
    case te
    case host
    case expect
    /// Of RFC 7239.
    case forwarded
    case forwardedFor
    case forwardedHost
    case forwardedProto
    /// Another of their family: `X-Forwarded-Prefix` or `X-Forwarded-Port`, say, by which frameworks build their URLs,
    /// and `X-Real-IP`, which some believe before `X-Forwarded-For`.
    case forwardedOther
    /// It would pass for one of the family where `_` is as good as `-`, as it is to programs that get fields as
    /// variables (CGI, WSGI, PHP, Rack): nobody sends it in good faith, and it is not passed on.
    case imitation
    case other

    /// The field whose name stands in `name`. Traps when that is out of bounds.
    package init(_ name: Range<Int>, in bytes: RawSpan) {
        self =
            switch name.count {
            case 2 where bytes.equals("te", in: name): .te
            case 4 where bytes.equals("host", in: name): .host
            case 6 where bytes.equals("expect", in: name): .expect
            case 7 where bytes.equals("upgrade", in: name): .hopByHop
            case 9 where bytes.equals("forwarded", in: name): .forwarded
            case 9 where bytes.passesFor("x-real-ip", in: name): Self.ofFamily(name, in: bytes)
            case 10 where bytes.equals("connection", in: name) || bytes.equals("keep-alive", in: name): .hopByHop
            case 14 where bytes.equals("content-length", in: name): .hopByHop
            case 15 where bytes.equals("x-forwarded-for", in: name): .forwardedFor
            case 16 where bytes.equals("proxy-connection", in: name): .hopByHop
            case 16 where bytes.equals("x-forwarded-host", in: name): .forwardedHost
            case 17 where bytes.equals("transfer-encoding", in: name): .hopByHop
            case 17 where bytes.equals("x-forwarded-proto", in: name): .forwardedProto
            case 18 where bytes.equals("proxy-authenticate", in: name): .hopByHop
            case 19 where bytes.equals("proxy-authorization", in: name): .hopByHop
            case 13... where bytes.byte(at: name.lowerBound).lowercased == UInt8(ascii: "x"):
                bytes.passesFor("x-forwarded-", in: name.prefix(12)) ? Self.ofFamily(name, in: bytes) : .other
            default: .other
            }
    }

    /// Whether a proxy passes it on behind a body. Not what the head alone says of a client, either: some programs put
    /// trailers among its fields.
    package var passesAsTrailer: Bool { if case .other = self { true } else { false } }

    /// Whether it is one of those by which a proxy says who asks: anybody could write them.
    package var tellsOfClient: Bool {
        switch self {
        case .forwarded, .forwardedFor, .forwardedHost, .forwardedProto, .forwardedOther: true
        case .hopByHop, .te, .host, .expect, .imitation, .other: false
        }
    }

    private static func ofFamily(_ name: Range<Int>, in bytes: RawSpan) -> ProxiedField {
        name.contains { bytes.byte(at: $0) == UInt8(ascii: "_") } ? .imitation : .forwardedOther
    }

    /// Whether a proxy keeps it to itself.
    @inlinable package var isHopByHop: Bool {
        switch self {
        case .hopByHop, .te, .imitation: true
        case .host, .expect, .forwarded, .forwardedFor, .forwardedHost, .forwardedProto, .forwardedOther, .other: false
        }
    }
}

extension RawSpan {
    /// Whether a field's name is `text` to a program that gets it as a variable: whatever the case, and `_` for `-`.
    package func passesFor(_ text: String, in name: Range<Int>) -> Bool {
        guard text.utf8.count == name.count else { return false }
        return zip(text.utf8, name).allSatisfy { Self.asInVariable($0) == Self.asInVariable(byte(at: $1)) }
    }

    private static func asInVariable(_ byte: UInt8) -> UInt8 {
        byte == UInt8(ascii: "_") ? UInt8(ascii: "-") : byte.lowercased
    }
}
