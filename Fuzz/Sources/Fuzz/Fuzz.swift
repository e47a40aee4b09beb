import CFuzzer
import Glibc

/// Hands libFuzzer the target that `FUZZ_TARGET` names: an environment variable, since libFuzzer starts this program
/// anew with its own arguments only, as for `-merge`.
@main enum Fuzz {
    fileprivate static let target: (any FuzzTarget.Type)? = {
        let name = getenv("FUZZ_TARGET").map { String(cString: $0) }
        return targets.first { $0.name == name }
    }()

    static func main() {
        guard target != nil else {
            print("Run this by Fuzz/run. FUZZ_TARGET is one of: \(targets.map { $0.name }.joined(separator: " "))")
            exit(2)
        }
        var count = CommandLine.argc
        var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
        exit(LLVMFuzzerRunDriver(&count, &arguments, test))
    }
}

/// The bytes are libFuzzer's, for the length of the call.
private func test(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    Fuzz.target?.run(Array(UnsafeBufferPointer(start: bytes, count: count)))
    return 0
}
