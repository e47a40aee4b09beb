internal import CCrypt
internal import Igropyr

/// A password, hashed as crypt(3) does it: what `openssl passwd -6`, `mkpasswd` and `htpasswd -B` print.
public struct PasswordHash: Sendable, Hashable {
    private let text: String

    /// Nil for what is no hash by SHA-256 or SHA-512 (`$5$`, `$6$`), bcrypt (`$2b$`, `$2y$`) or yescrypt (`$y$`): older ones
    /// are guessed too fast.
    public init?(_ text: String) {
        let known = ["$5$", "$6$", "$2b$", "$2y$", "$y$"].contains { text.hasPrefix($0) }
        guard known, (20...384).contains(text.utf8.count), text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            return nil
        }
        self.text = text
    }

    /// Takes milliseconds, as it is meant to: not for an event loop.
    func isHash(of password: String) -> Bool {
        guard password.utf8.count <= 512, !password.utf8.contains(0) else { return false }
        let memory = UnsafeMutablePointer<crypt_data>.allocate(capacity: 1)
        unsafe memory.initialize(to: crypt_data())
        defer { unsafe memory.deallocate() }
        guard let made = unsafe crypt_r(password, text, memory) else { return false }
        return unsafe constantTimeEquals(String(cString: made), text)
    }
}
