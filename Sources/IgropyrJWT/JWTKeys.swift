internal import IgropyrUV
internal import JWTKit

/// What a verifier and its copies go by: keys that stay, those that were last read from a file, or those that are
/// published at a URL.
final class JWTKeys: Sendable {
    /// Keys, and what they are called; without names a token may call its key as it likes.
    struct Known: Sendable {
        let collection: JWTKeyCollection
        var names: Set<String>?

        func has(_ name: String?) -> Bool {
            guard let name, let names else { return true }
            return names.contains(name)
        }
    }

    enum Source: Sendable {
        case fixed(Known)
        /// Its path, and what it last said.
        case file(String, Locked<Known>)
        case published(PublishedKeys)
    }

    let source: Source

    init(_ source: Source) { self.source = source }

    /// Whether ``reload()`` reads anything.
    var isReloadable: Bool { if case .fixed = source { false } else { true } }

    /// For a token that calls its key so.
    /// - Throws: `.unknownKey` if none is called so: jwt-kit would take the first that it knows. ``JWTKeyFailure`` and
    ///   `CancellationError` for those that cannot be had.
    func collection(naming name: String?) async throws -> JWTKeyCollection {
        let known =
            switch source {
            case .fixed(let known): known
            case .file(_, let known): known.withLock { $0 }
            case .published(let keys): try await keys.known(naming: name)
            }
        guard known.has(name) else { throw JWTRejection.unknownKey }
        return known.collection
    }

    /// - Throws: ``JWTKeyFailure``; the old keys then stay.
    func reload() async throws(JWTKeyFailure) {
        switch source {
        case .fixed: return
        case .file(let path, let known):
            let new = try await JWTVerifier.keys(ofFile: path)
            known.withLock { $0 = new }
        case .published(let keys): try await keys.fetch()
        }
    }
}
