internal import CLinux
internal import Glibc

/// A user of this host.
struct Account {
    private static let bufferBytes = 64 << 10

    /// Nil for a number that nobody has.
    let name: String?
    let user: uid_t
    let group: gid_t

    /// Takes a name or a number; a number need not be known. Blocks; for any thread.
    init(_ text: String) throws(LauncherError) {
        let number = uid_t(text)
        if let (name, user, group) = Self.entry(text, number) {
            (self.name, self.user, self.group) = (name, user, group)
        } else if let number {
            (name, user, group) = (nil, number, number)
        } else {
            throw .unknownUser(text)
        }
    }

    private static func entry(_ text: String, _ number: uid_t?) -> (String?, uid_t, gid_t)? {
        var entry = unsafe passwd()
        var buffer = [CChar](repeating: 0, count: bufferBytes)
        var found: UnsafeMutablePointer<passwd>?
        if let number {
            unsafe getpwuid_r(number, &entry, &buffer, buffer.count, &found)
        } else {
            unsafe getpwnam_r(text, &entry, &buffer, buffer.count, &found)
        }
        guard let found = unsafe found else { return nil }
        return unsafe (String(cString: found.pointee.pw_name), found.pointee.pw_uid, found.pointee.pw_gid)
    }

    /// Gives up every other identity, and all groups but the account's.
    func become() throws(LauncherError) {
        let groups = name.map { unsafe initgroups($0, group) } ?? igropyr_clear_groups()
        guard groups == 0 else { throw .system("setgroups", errno) }
        guard setgid(group) == 0 else { throw .system("setgid \(group)", errno) }
        guard setuid(user) == 0 else { throw .system("setuid \(user)", errno) }
    }
}
