internal import IgropyrHashing
internal import IgropyrOrchestration

/// Who isolated workers are: each application another user, a number without a name.
///
/// Workers of one user can read each other's environment, memory and secrets, and stop each other (`/proc`, ptrace,
/// kill). Nobody hands the numbers out: an application has the same on every host, made from its name; two meet by a
/// chance of one in 2^27.
struct WorkerUsers: Sendable, Equatable {
    /// Of users and of groups: above those that FreeIPA chooses from, below those that systemd has for foreign images,
    /// and free by its list ("Users, Groups, UIDs and GIDs on systemd Systems").
    static let numbers: ClosedRange<UInt32> = 0x7800_0000...0x7FFD_FFFF
    /// Where a container has fewer numbers.
    static let nobody = "nobody"

    /// Whether this host has all of ``numbers``.
    let areNumbered: Bool

    init(areNumbered: Bool) { self.areNumbered = areNumbered }

    /// Blocks.
    static func found() -> WorkerUsers {
        WorkerUsers(
            areNumbered: ["uid_map", "gid_map"].allSatisfy { name in
                let map = (try? AtomicFile.read("/proc/self/\(name)", limitBytes: 1 << 16)) ?? []
                return covers(String(decoding: map, as: UTF8.self))
            })
    }

    /// Whether a map of a user namespace (user_namespaces(7)) has all of ``numbers`` in one line: first here, first
    /// outside, count.
    static func covers(_ map: String) -> Bool {
        map.split(separator: "\n").contains { line in
            let words = line.split(separator: " ").compactMap { UInt64($0) }
            return words.count == 3 && words[0] <= UInt64(numbers.lowerBound)
                && words[0] + words[2] > UInt64(numbers.upperBound)
        }
    }

    /// A name, or a number.
    func user(of application: ApplicationName) -> String {
        guard areNumbered else { return Self.nobody }
        let count = UInt64(Self.numbers.upperBound - Self.numbers.lowerBound) + 1
        return "\(UInt64(Self.numbers.lowerBound) + XXH64.hash(application.rawValue) % count)"
    }
}
