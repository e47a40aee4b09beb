import Glibc

/// Whether this process may mount file systems. Tried rather than guessed: root in a container may lack the right.
public let canMount: Bool = {
    guard let folder = try? TemporaryFolder(), mount("igropyr-test", folder.path, "tmpfs", 0, "size=64k") == 0 else {
        return false
    }
    umount2(folder.path, Int32(MNT_DETACH))
    return true
}()
