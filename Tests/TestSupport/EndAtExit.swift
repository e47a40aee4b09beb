import Foundation
import Glibc
import IgropyrUV

private struct Leftovers: Sendable {
    var programs: [(program: BackgroundCommand, signal: Int32)] = []
    var folders: [TemporaryFolder] = []
}

private let leftovers = Locked(Leftovers())
private let endsThemAtExit: Void = {
    atexit {
        let all = leftovers.withLock { $0 }
        for (program, signal) in all.programs { program.signal(signal) }
        for folder in all.folders { try? FileManager.default.removeItem(atPath: folder.path) }
    }
}()

/// For a server that several tests share, which lives as long as they do: ends it, and removes its files, with the process.
public func endAtExit(_ program: BackgroundCommand, by signal: Int32 = SIGKILL, in folders: TemporaryFolder...) {
    endsThemAtExit
    leftovers.withLock { leftovers in
        leftovers.programs.append((program, signal))
        leftovers.folders += folders
    }
}
