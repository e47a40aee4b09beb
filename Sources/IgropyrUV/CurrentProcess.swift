internal import CLibUV
internal import CLinux
internal import Glibc

/// What a process is told by whoever started it.
public enum CurrentProcess {
    public static var pid: Int32 { getpid() }

    /// Processors that this process may use; at least 1.
    public static var availableCores: Int { Int(uv_available_parallelism()) }

    /// Reads an environment variable and removes it, so that no child process takes it for its own.
    ///
    /// Call it before there are other threads: the environment has no lock.
    public static func takeEnvironment(_ name: String) -> String? {
        guard let value = unsafe getenv(name) else { return nil }
        let text = unsafe String(cString: value)
        unsafe unsetenv(name)
        return text
    }

    /// Lets this process have as many descriptors as it may, up to 65 536, if it was started with fewer: a shell gives
    /// 1024, and each connection is one. No more than that: programs that it starts inherit the limit, and some of them
    /// go through all numbers below it.
    /// - Returns: How many it might have until now (the soft limit); nil if that is unknown.
    @discardableResult
    public static func raiseOpenFileLimit() -> Int? {
        let before = igropyr_open_files_limit()
        _ = igropyr_raise_open_files(65_536)  // It may fail: then connections wait, as they do at every limit.
        return before == 0 ? nil : Int(clamping: before)
    }

    /// Whether SIGHUP does nothing to it, as nohup(1) starts programs; to be asked before anything hears that signal.
    static var ignoresHangup: Bool {
        var action = sigaction()
        guard unsafe sigaction(SIGHUP, nil, &action) == 0 else { return false }
        return unsafe unsafeBitCast(action.__sigaction_handler.sa_handler, to: UInt.self)
            == unsafeBitCast(SIG_IGN, to: UInt.self)
    }

    /// The machine's name, as its kernel has it.
    public static var hostName: String {
        var name = [UInt8](repeating: 0, count: 256)
        let result = unsafe name.withUnsafeMutableBytes { name in
            unsafe gethostname(name.assumingMemoryBound(to: CChar.self).baseAddress!, name.count - 1)
        }
        return result == 0 ? String(decoding: name.prefix { $0 != 0 }, as: UTF8.self) : "localhost"
    }
}
