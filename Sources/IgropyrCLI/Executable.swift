import Foundation

enum Executable {
    /// This program's own file.
    static let path =
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]

    /// What the user may type to start it again.
    static let typed = CommandLine.arguments[0]
}
