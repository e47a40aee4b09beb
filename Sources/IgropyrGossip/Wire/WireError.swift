/// What is wrong with bytes from the network. Nothing of the message was acted upon.
public enum WireError: Error, Hashable, Sendable {
    /// The bytes end inside a value. On a stream: wait for at least `missing` more; in a packet: malformed.
    case truncated(missing: Int)
    /// A value of another kind than the field asks for, or a byte that starts no value.
    case unexpectedType(UInt8)
    /// A number, count or length outside the range of its field.
    case outOfRange
    /// Text that is not UTF-8, or a name that is empty, too long or holds control characters.
    case malformedText
    /// Containers, compounds or compressed messages nested deeper than the limit.
    case tooDeep
    case unknownMessage(UInt8)
    case badCompression
    /// Larger than the limit for its kind, before or after decompression.
    case tooLarge
    case badChecksum
    /// A label where none is configured, none where one is, another one, or a broken one.
    case badLabel
    /// None of our keys opens it, or its version is unknown.
    case undecryptable
    /// Plain, although we have a key.
    case notEncrypted
    /// Encrypted, although we have no key.
    case unexpectedEncryption
}
