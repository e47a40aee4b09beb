/// The `compress` wrapper: `09` and a map of algorithm and bytes.
enum Compression {
    static func compress(_ message: [UInt8]) -> [UInt8] {
        var writer = MessagePackWriter(messageType: MessageType.compress.rawValue)
        writer.writeMapHeader(2)
        writer.field("Algo", UInt8(0))
        writer.field("Buf", LZW.compress(message))
        return writer.bytes
    }

    /// `reader`: Behind the type byte.
    /// Returns a message with its type byte; never empty.
    static func decompress(
        from reader: inout MessagePackReader, limitBytes: Int
    ) throws(WireError) -> [UInt8] {
        var algorithm: UInt8 = 0
        var compressed: [UInt8] = []
        try reader.readRecord(["Algo", "Buf"]) { (field, reader) throws(WireError) in
            switch field {
            case 0: algorithm = try reader.readUInt8()
            default: compressed = try reader.readRaw() ?? []
            }
        }
        guard algorithm == 0 else { throw .badCompression }
        let message = try LZW.decompress(compressed, limitBytes: limitBytes)
        guard !message.isEmpty else { throw .badCompression }
        return message
    }
}
