internal import CCrypt
internal import Igropyr

/// A password, hashed as crypt(3) does it: what `openssl passwd -6`, `mkpasswd` and `htpasswd -B` print.
///
/// ```swift
/// let hash = try await PasswordHash(hashing: form.password)  // hash.text is to be stored.
///
/// let hash = user.flatMap { PasswordHash($0.passwordHash) } ?? .ofNobody
/// guard try await hash.matches(form.password), let user else { throw HTTPFailure(.unauthorized) }
/// ```
public struct PasswordHash: Sendable, Hashable {
    /// Salt and cost are in it.
    public let text: String

    /// Of no password, and yet as slow as a new one's: who asks it about names that there are not does not tell by the
    /// time taken which names there are.
    public static let ofNobody = PasswordHash(
        unchecked: "$y$j9T$Fr0aCbYDm3kRz6nQe5vWp/$wq3F7ySgO0tVb5u2c8XhKdR9mLxN1eZj4iPaTkUoB6D")

    /// Nil for what is no hash by SHA-256 or SHA-512 (`$5$`, `$6$`), bcrypt (`$2b$`, `$2y$`) or yescrypt (`$y$`): older
    /// ones are guessed too fast.
    public init?(_ text: String) {
        let known = ["$5$", "$6$", "$2b$", "$2y$", "$y$"].contains { text.hasPrefix($0) }
        guard known, (20...384).contains(text.utf8.count), text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            return nil
        }
        self.text = text
    }

    private init(unchecked text: String) { self.text = text }

    /// Hashes a new password by yescrypt, under a salt that nobody else's has. Takes tens of milliseconds, off the
    /// loop.
    /// - Throws: ``HTTPFailure`` 422 unless it has 1 to 511 bytes, which is what libcrypt takes, and no NUL; as
    ///   ``offload(_:)``.
    public init(hashing password: String) async throws {
        guard !password.isEmpty, Self.isFit(password) else {
            throw HTTPFailure(.unprocessableContent, "A password has 1 to 511 bytes, and no NUL.")
        }
        guard let text = try await offload({ Self.salt().flatMap { Self.hash(password, $0) } }) else {
            throw PasswordsNotHashed()
        }
        self.text = text
    }

    /// Whether it is the hash of that password. Takes tens of milliseconds, off the loop.
    /// - Throws: as ``offload(_:)``.
    public func matches(_ password: String) async throws -> Bool {
        try await offload { [self] in isHash(of: password) }
    }

    /// As ``matches(_:)``, on this thread.
    package func isHash(of password: String) -> Bool {
        guard Self.isFit(password), let made = Self.hash(password, text) else { return false }
        return constantTimeEquals(made, text) && self != .ofNobody
    }

    private static func isFit(_ password: String) -> Bool {
        password.utf8.count < Int(CRYPT_MAX_PASSPHRASE_SIZE) && !password.utf8.contains(0)
    }

    /// Nil if the library does not know the setting that `text` begins with.
    private static func hash(_ password: String, _ text: String) -> String? {
        let memory = UnsafeMutablePointer<crypt_data>.allocate(capacity: 1)
        unsafe memory.initialize(to: crypt_data())
        defer { unsafe memory.deallocate() }
        guard let made = unsafe crypt_r(password, text, memory) else { return nil }
        let hash = unsafe String(cString: made)
        return hash.hasPrefix("*") ? nil : hash  // How it says that it has failed.
    }

    /// Random, from the system; with the library's usual cost.
    private static func salt() -> String? {
        var text = [CChar](repeating: 0, count: Int(CRYPT_GENSALT_OUTPUT_SIZE))
        guard unsafe crypt_gensalt_rn("$y$", 0, nil, 0, &text, Int32(text.count)) != nil else { return nil }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// The system's libcrypt has made no hash.
struct PasswordsNotHashed: Error, CustomStringConvertible {
    var description: String { "libcrypt has made no hash by yescrypt: it wants libxcrypt 4.4 or newer, and 16 MiB" }
}
