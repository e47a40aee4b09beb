/// What lies around every message of a cluster: label and encryption.
struct Envelope: Sendable {
    var keyring: Keyring
    /// A name that keeps clusters apart, 1 to 255 bytes; empty for none. Agents before memberlist 0.3 know no labels.
    let label: [UInt8]

    /// Bytes that a packet needs beside its messages.
    var overheadBytes: Int { labelHeader.count + (keyring.isEmpty ? 0 : Keyring.overheadBytes) }

    var labelHeader: [UInt8] {
        label.isEmpty ? [] : [MessageType.label.rawValue, UInt8(truncatingIfNeeded: label.count)] + label
    }

    /// Checks and removes the label. Returns where the rest starts.
    func labelEnd(in bytes: [UInt8]) throws(WireError) -> Int {
        let header = labelHeader
        guard !header.isEmpty else {
            guard bytes.first != MessageType.label.rawValue else { throw .badLabel }
            return 0
        }
        guard bytes.prefix(header.count).elementsEqual(header.prefix(bytes.count)) else { throw .badLabel }
        guard bytes.count >= header.count else { throw .truncated(missing: header.count - bytes.count) }
        return header.count
    }

    // MARK: - Packets

    func sealPacket(_ message: [UInt8], nonce: () -> [UInt8]) -> [UInt8] {
        guard !keyring.isEmpty else { return label.isEmpty ? message : labelHeader + message }
        return labelHeader + (keyring.seal(message, nonce: nonce(), authenticating: label) ?? [])
    }

    func openPacket(_ datagram: [UInt8]) throws(WireError) -> [UInt8] {
        let start = try labelEnd(in: datagram)
        let rest = start == 0 ? datagram : Array(datagram[start...])
        return keyring.isEmpty ? rest : try keyring.open(rest, authenticating: label)
    }

    // MARK: - Streams

    static let streamHeaderBytes = 5

    func sealStream(_ message: [UInt8], nonce: () -> [UInt8]) -> [UInt8] {
        guard !keyring.isEmpty else { return message }
        var header = [MessageType.encrypt.rawValue]
        header.append(bigEndian: UInt32(truncatingIfNeeded: message.count + Keyring.overheadBytes))
        return header + (keyring.seal(message, nonce: nonce(), authenticating: header + label) ?? [])
    }

    func openStream(header: [UInt8], blob: [UInt8]) throws(WireError) -> [UInt8] {
        try keyring.open(blob, authenticating: header + label)
    }
}
