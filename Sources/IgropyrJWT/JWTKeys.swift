internal import IgropyrUV
internal import JWTKit

/// What a verifier and its copies go by: keys that stay, or those that were last read from a file.
final class JWTKeys: Sendable {
    /// Nil for keys that came from elsewhere.
    let file: String?
    private let collection: Locked<JWTKeyCollection>

    init(_ collection: JWTKeyCollection, file: String? = nil) {
        self.collection = Locked(collection)
        self.file = file
    }

    var current: JWTKeyCollection { collection.withLock { $0 } }

    func replace(by new: JWTKeyCollection) { collection.withLock { $0 = new } }
}
