/// A member's tags as they travel in the metadata of ``Alive``.
enum Tags {
    static let limitBytes = 512
    private static let mark: UInt8 = 0xFF

    /// Nil if the tags take more than ``limitBytes``.
    static func encode(_ tags: [String: String]) -> [UInt8]? {
        var writer = MessagePackWriter(messageType: mark)
        writer.writeMapHeader(tags.count)
        for (name, value) in tags.sorted(by: { $0.key < $1.key }) {
            writer.write(name)
            writer.write(value)
        }
        return writer.bytes.count <= limitBytes ? writer.bytes : nil
    }

    /// Without the mark the bytes are those of Serf before 0.4: the value of the tag `role`.
    static func decode(_ meta: [UInt8]) throws(WireError) -> [String: String] {
        guard meta.first == mark else { return ["role": String(decoding: meta, as: UTF8.self)] }
        var reader = MessagePackReader(meta, from: 1)
        return try read(from: &reader)
    }

    static func read(from reader: inout MessagePackReader) throws(WireError) -> [String: String] {
        var tags: [String: String] = [:]
        for _ in 0..<(try reader.readMapHeader()) {
            let name = try reader.readText()
            tags[name] = try reader.readText()
        }
        return tags
    }
}
