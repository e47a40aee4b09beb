import Foundation
import Glibc

/// A folder among the temporary ones that is this process's own; it removes it when it ends.
///
/// One that is killed cannot: its folder goes when the next one of that user makes another, also if that got its
/// number, as the first process in a container always does.
struct OwnFolder {
    let path: String

    /// Makes it. `purpose`: the middle of its name; a process has one of each.
    init(for purpose: String) throws {
        let parent = FileManager.default.temporaryDirectory.path
        let prefix = "igropyr-\(purpose)-"
        Self.removeAbandoned(prefix, in: parent)
        path = "\(parent)/\(prefix)\(getpid())"
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }

    private static func removeAbandoned(_ prefix: String, in parent: String) {
        let manager = FileManager.default
        for name in (try? manager.contentsOfDirectory(atPath: parent)) ?? [] where name.hasPrefix(prefix) {
            let path = "\(parent)/\(name)"
            guard let process = pid_t(name.dropFirst(prefix.count)), process > 0,
                (try? manager.attributesOfItem(atPath: path))?[.ownerAccountID] as? Int == Int(geteuid()),
                process == getpid() || kill(process, 0) != 0 && errno == ESRCH
            else { continue }
            try? manager.removeItem(atPath: path)
        }
    }
}
