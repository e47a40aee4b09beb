import FoundationEssentials
import Glibc

/// The programs under test, and what it takes to test them.
enum Binaries {
    static let lab = "\(repository)/cluster/lab"
    static let examples = "\(repository)/Examples"
    static let igropyr = path(of: "IGROPYR_BIN", or: "igropyr")
    static let hello = path(of: "HELLO_BIN", or: "Hello")

    /// What they are built for, as `uname -m` has it.
    static let machine: String = {
        var name = utsname()
        uname(&name)
        return withUnsafeBytes(of: name.machine) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }()

    /// By where it lies.
    static let isOptimised = !igropyr.contains("/debug/")

    /// For `cluster/lab`, which also puts the program's folder on the `PATH`.
    static let environment = ["IGROPYR_BIN": igropyr]

    /// Nil if the tests can run here, else why they cannot.
    static let obstacle: String? = missingProgram ?? missingTool ?? missingRight

    /// The package's folder: three above this file.
    private static let repository: String = {
        guard let file = realpath(#filePath, nil) else { return "." }
        defer { free(file) }
        return "/" + String(cString: file).split(separator: "/").dropLast(3).joined(separator: "/")
    }()

    private static func path(of variable: String, or name: String) -> String {
        ProcessInfo.processInfo.environment[variable] ?? "\(repository)/.build/release/\(name)"
    }

    /// A program that was named and is not there is an error, which the tests will tell.
    private static var missingProgram: String? {
        let environment = ProcessInfo.processInfo.environment
        if environment["IGROPYR_BIN"] != nil && environment["HELLO_BIN"] != nil { return nil }
        let isThere = access(igropyr, X_OK) == 0 && access(hello, X_OK) == 0
        return isThere ? nil : "igropyr or Hello is not in .build/release: cluster/build makes both"
    }

    private static var missingTool: String? {
        let tools = ["curl", "h2load", "ip", "openssl", "python3", "serf", "wrk"].filter {
            system("command -v \($0) >/dev/null 2>&1") != 0
        }
        return tools.isEmpty ? nil : "no \(tools.joined(separator: ", ")) here: cluster/setup --test installs them"
    }

    /// Tried out, since being root is not enough in many a container. `cluster/lab` says 77 for "not on this machine".
    private static var missingRight: String? {
        let lab = "'\(lab)' --name right\(getpid()) --subnet 10.126.\(getpid() % 250)"
        let result = system("\(lab) network 1 >/dev/null 2>&1; code=$?; \(lab) down >/dev/null 2>&1; exit $code")
        guard (result >> 8) & 0xff == 77 else { return nil }
        return "no right to make network namespaces: run them as root"
    }
}
