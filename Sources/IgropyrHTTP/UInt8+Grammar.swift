/// The character classes of RFC 9110 §5.6 and RFC 3986.
extension UInt8 {
    @inlinable static var tab: UInt8 { 0x09 }
    static var lineFeed: UInt8 { 0x0A }
    static var carriageReturn: UInt8 { 0x0D }
    @inlinable static var space: UInt8 { 0x20 }

    /// `tchar`: letters, digits and ``!#$%&'*+-.^_`|~``.
    @inline(__always) var isToken: Bool {
        let set: UInt64 = self < 0x40 ? 0x03FF_6CFA_0000_0000 : 0x57FF_FFFF_C7FF_FFFE
        return self < 0x80 && (set &>> UInt64(self & 0x3F)) & 1 == 1
    }

    /// What may stand in a field value: visible ASCII, space, tab and bytes outside ASCII.
    @inline(__always) var isText: Bool { self >= 0x20 ? self != 0x7F : self == .tab }

    /// Visible ASCII but for `#`, since a target has no fragment.
    @inline(__always) var isTarget: Bool { self > 0x20 && self < 0x7F && self != UInt8(ascii: "#") }

    @inlinable var isSpace: Bool { self == .space || self == .tab }
    @inline(__always) var isDigit: Bool { self &- 0x30 < 10 }
    @inline(__always) var isLetter: Bool { (self | 0x20) &- 0x61 < 26 }
    @inline(__always) var lowercased: UInt8 { self &- 0x41 < 26 ? self | 0x20 : self }

    /// `unreserved` and `sub-delims` of RFC 3986, what a registered name consists of but for escapes: letters, digits
    /// and ``-._~!$&'()*+,;=``.
    @inline(__always) var isNameInAuthority: Bool {
        let set: UInt64 = self < 0x40 ? 0x2BFF_7FD2_0000_0000 : 0x47FF_FFFE_87FF_FFFE
        return self < 0x80 && (set &>> UInt64(self & 0x3F)) & 1 == 1
    }

    /// 0…15, or nil for what is no hexadecimal digit.
    @inline(__always) var hexadecimalValue: UInt8? {
        if isDigit { return self &- 0x30 }
        let letter = self | 0x20
        return letter &- 0x61 < 6 ? letter &- 0x57 : nil
    }
}
