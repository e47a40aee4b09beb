/// The payload of a key query; `key` is empty for listing.
struct KeyRequest: Equatable {
    var key: [UInt8] = []

    init(key: [UInt8]) { self.key = key }

    /// Throws for an absent payload too, which crashes the reference: never forward such a query.
    init(payload: [UInt8]?) throws(WireError) {
        guard let payload, payload.first == SerfMessageType.keyRequest.rawValue else { throw .outOfRange }
        var reader = MessagePackReader(payload, from: 1)
        try reader.readRecord(["Key"]) { (_, reader) throws(WireError) in key = try reader.readRaw() ?? [] }
    }

    var encoded: [UInt8] {
        var writer = MessagePackWriter(messageType: SerfMessageType.keyRequest.rawValue)
        writer.writeMapHeader(1)
        writer.field("Key", key)
        return writer.bytes
    }
}

/// What a member answers to a ``KeyOperation``. Keys are named by their Base64.
public struct KeyResponse: Hashable, Sendable {
    private static let keysLimit = 256

    public var isSuccess = true
    /// Why it failed; may say more on success, too.
    public var message = ""
    /// Of ``KeyOperation/list`` only; the first is the one in use, unless ``primaryKey`` names another.
    public var keys: [String]?
    /// Empty where the member is too old to tell.
    public var primaryKey = ""

    init() {}

    /// The payload of a query's answer.
    public init(payload: [UInt8]) throws(WireError) {
        guard payload.first == SerfMessageType.keyResponse.rawValue else {
            throw .unknownMessage(payload.first ?? 0)
        }
        var reader = MessagePackReader(payload, from: 1)
        try self.init(from: &reader)
    }
}

extension KeyResponse {
    init(from reader: inout MessagePackReader) throws(WireError) {
        try reader.readRecord(["Result", "Message", "Keys", "PrimaryKey"]) { (field, reader) throws(WireError) in
            switch field {
            case 0: isSuccess = try reader.readBool()
            case 1: message = try reader.readText()
            case 2:
                let count = try reader.readArrayHeader()
                guard count <= Self.keysLimit else { throw .tooLarge }
                var list: [String] = []
                for _ in 0..<count { list.append(try reader.readText()) }
                keys = list
            default: primaryKey = try reader.readText()
            }
        }
    }

    var encoded: [UInt8] {
        var writer = MessagePackWriter(messageType: SerfMessageType.keyResponse.rawValue)
        writer.writeMapHeader(4)
        writer.key("Keys")
        if let keys {
            writer.writeArrayHeader(keys.count)
            for key in keys { writer.write(key) }
        } else {
            writer.writeNil()
        }
        writer.field("Message", message)
        writer.field("PrimaryKey", primaryKey)
        writer.field("Result", isSuccess)
        return writer.bytes
    }
}
