import Foundation
import Glibc
import IgropyrUV

private struct Leftovers: Sendable {
    var programs: [(program: BackgroundCommand, signal: Int32)] = []
    var folders: Set<String> = []
}

private let leftovers = Locked(Leftovers())
private let endsThemAtExit: Void = {
    atexit {
        let all = leftovers.withLock { $0 }
        for (program, signal) in all.programs { program.signal(signal) }
        // Else they make files while their folders are removed.
        for (program, _) in all.programs { program.waitForEnd(within: .seconds(10)) }
        for folder in all.folders { try? FileManager.default.removeItem(atPath: folder) }
    }
}()

/// For a server that several tests share, which lives as long as they do: ends it with the process.
public func endAtExit(_ program: BackgroundCommand, by signal: Int32 = SIGKILL) {
    endsThemAtExit
    leftovers.withLock { $0.programs.append((program, signal)) }
}

/// Tests' globals are never released, and a server's last files may come after its folder was removed.
func removeAtExit(_ folder: String) {
    endsThemAtExit
    leftovers.withLock { _ = $0.folders.insert(folder) }
}

/// Removes a folder of ``removeAtExit(_:)``; what cannot be removed yet is tried once more then.
func removeNow(_ folder: String) {
    guard (try? FileManager.default.removeItem(atPath: folder)) != nil else { return }
    leftovers.withLock { _ = $0.folders.remove(folder) }
}
