internal import Glibc

/// A user and a group that a process which began as root goes on as, for good.
public struct ProcessOwner: Sendable, Hashable, CustomStringConvertible {
    /// A name that the system does not know.
    public struct Unknown: Error, Sendable, Hashable, CustomStringConvertible {
        public let description: String
        /// Else it is about the user.
        public let isAboutGroup: Bool
    }

    private let user: uid_t?
    /// Whose further groups it gets; nil for a number without a name, which has none.
    private let userName: String?
    private let group: gid_t?
    public let description: String

    /// Names, or numbers. Without a group, that of the user's entry is taken; for a number without one, the same
    /// number.
    public init(user: String?, group: String?) throws(Unknown) {
        let entry = try user.map { name throws(Unknown) in try Self.entry(ofUser: name) }
        let groupNumber = try group.map { name throws(Unknown) in try Self.number(ofGroup: name) }
        self.user = entry?.user
        self.group = groupNumber ?? entry?.group
        userName = entry?.name
        description = [user.map { "user \($0)" }, group.map { "group \($0)" }].compactMap { $0 }.joined(separator: ", ")
    }

    /// Becomes them, in all threads; nothing happens if the process is they already. There is no way back.
    /// - Throws: `UV_EPERM` without the right, `UV_EINVAL`; `UV_ETIMEDOUT` if the first thread blocks all signals. End
    ///   the process then: some threads may have changed.
    public func assume() throws(UVError) {
        let isUser = user.map { $0 == getuid() && $0 == geteuid() } ?? true
        let isGroup = group.map { $0 == getgid() && $0 == getegid() } ?? true
        guard !isUser || !isGroup else { return }
        if let group {
            // Root's own groups must not stay.
            let result = userName.map { unsafe initgroups($0, group) } ?? setgroups(0, nil)
            try check(result, errnoOf: "initgroups")
            try check(setgid(group), errnoOf: "setgid")
        }
        if let user { try check(setuid(user), errnoOf: "setuid") }
        try FirstThread.follow()
    }

    /// Whether the process acts as that user already.
    package var isPresent: Bool { user.map { $0 == geteuid() } ?? true }

    /// Gives a file to them; for root.
    package func take(_ path: String) throws(UVError) {
        let nobody = uid_t.max  // Stands for whom it belongs to now.
        try unsafe check(chown(path, user ?? nobody, group ?? nobody), errnoOf: "chown \(path)")
    }

    private static func entry(ofUser name: String) throws(Unknown) -> (user: uid_t, group: gid_t?, name: String?) {
        var entry = unsafe passwd()
        var found: UnsafeMutablePointer<passwd>?
        var text = [CChar](repeating: 0, count: textBytes)
        if let number = uid_t(name) {
            unsafe getpwuid_r(number, &entry, &text, text.count, &found)
            // Nobody's number, for whose group there is no entry: root's must not stay.
            guard unsafe found != nil else { return (number, gid_t(number), nil) }
        } else {
            unsafe getpwnam_r(name, &entry, &text, text.count, &found)
            guard unsafe found != nil else {
                throw Unknown(description: "there is no user \"\(name)\" on this machine", isAboutGroup: false)
            }
        }
        return unsafe (entry.pw_uid, entry.pw_gid, String(cString: entry.pw_name))
    }

    private static func number(ofGroup name: String) throws(Unknown) -> gid_t {
        if let number = gid_t(name) { return number }
        var entry = unsafe Glibc.group()
        var found: UnsafeMutablePointer<Glibc.group>?
        var text = [CChar](repeating: 0, count: textBytes)
        unsafe getgrnam_r(name, &entry, &text, text.count, &found)
        guard unsafe found != nil else {
            throw Unknown(description: "there is no group \"\(name)\" on this machine", isAboutGroup: true)
        }
        return unsafe entry.gr_gid
    }

    /// For an entry's texts; groups of many members need much.
    private static let textBytes = 64 << 10
}
