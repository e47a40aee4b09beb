/// Writes frames (RFC 6455 §5.2), each message or control message as one.
public enum WebSocketFrame {
    /// What a frame carries.
    public enum Opcode: UInt8, Sendable, Hashable {
        case continuation = 0x0
        case text = 0x1
        case binary = 0x2
        case close = 0x8
        case ping = 0x9
        case pong = 0xA

        var isControl: Bool { rawValue >= Self.close.rawValue }
    }

    /// Bytes that a control frame may carry (RFC 6455 §5.5).
    public static let controlBytes = 125

    /// Appends a whole frame. `maskingKey`: random, for each frame another one, in a client; nil in a server. The
    /// payload of a control frame has at most ``controlBytes``.
    public static func append(
        _ opcode: Opcode, _ payload: RawSpan, isCompressed: Bool = false, maskingKey: UInt32?,
        to output: inout [UInt8]
    ) {
        let count = payload.byteCount
        precondition(!opcode.isControl || count <= controlBytes, "a control frame is short")
        output.reserveCapacity(output.count + count + 14)
        output.append(0x80 | (isCompressed ? 0x40 : 0) | opcode.rawValue)
        let maskBit: UInt8 = maskingKey == nil ? 0 : 0x80
        switch count {
        case ...125: output.append(maskBit | UInt8(count))
        case ...0xFFFF:
            output.append(maskBit | 126)
            output.append(bigEndian: UInt64(count), byteCount: 2)
        default:
            output.append(maskBit | 127)
            output.append(bigEndian: UInt64(count), byteCount: 8)
        }
        if let maskingKey { output.append(bigEndian: UInt64(maskingKey), byteCount: 4) }
        let start = output.count
        payload.append(first: count, to: &output)
        if let maskingKey { output.mask(from: start, by: maskingKey) }
    }

    /// What a close frame carries: the code, and as much of the reason as fits, cut between characters. Empty for a
    /// code that is not to be sent.
    public static func closePayload(_ code: WebSocketCloseCode, _ reason: String) -> [UInt8] {
        guard code.isSendable else { return [] }
        var payload: [UInt8] = []
        payload.append(bigEndian: UInt64(code.rawValue), byteCount: 2)
        for scalar in reason.unicodeScalars {
            let bytes = UTF8.encode(scalar)!  // A scalar of a string always has a form.
            guard payload.count + bytes.count <= controlBytes else { break }
            payload.append(contentsOf: bytes)
        }
        return payload
    }
}

extension [UInt8] {
    fileprivate mutating func append(bigEndian value: UInt64, byteCount: Int) {
        for index in (0..<byteCount).reversed() { append(UInt8(truncatingIfNeeded: value >> (8 * UInt64(index)))) }
    }

    /// Applies the mask to all bytes from `start` on, the first of which is byte `phase` of the payload (RFC 6455
    /// §5.3).
    mutating func mask(from start: Int, by key: UInt32, phase: Int = 0) {
        let rotated = key << UInt32(8 * (phase & 3)) | (phase & 3 == 0 ? 0 : key >> UInt32(32 - 8 * (phase & 3)))
        let word = UInt64(rotated) << 32 | UInt64(rotated)
        unsafe withUnsafeMutableBytes { bytes in
            var offset = start
            while offset + 8 <= bytes.count {  // Eight bytes at a time, all of them within `bytes`.
                let masked = unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self) ^ word.bigEndian
                unsafe bytes.storeBytes(of: masked, toByteOffset: offset, as: UInt64.self)
                offset += 8
            }
            var shift: UInt32 = 24
            while offset < bytes.count {
                unsafe bytes[offset] ^= UInt8(truncatingIfNeeded: rotated >> shift)
                shift = shift == 0 ? 24 : shift - 8
                offset += 1
            }
        }
    }
}
