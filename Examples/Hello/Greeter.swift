import Glibc
import Igropyr

/// Tells a client which process of which host answers it.
struct Greeter: Sendable {
    let worker: Worker?
    let host: String

    static var machineName: String {
        var name = utsname()
        guard unsafe uname(&name) == 0 else { return "localhost" }
        return unsafe withUnsafeBytes(of: &name.nodename) {
            unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    func greet(_ request: Request) -> Response {
        let who = worker.map { "\($0.application), worker \($0.index)" } ?? "standalone"
        let text = "Hello from \(host) (\(who), pid \(getpid())), path \(request.path)\n"
        return Response(text: text).with(HTTPField.Name("Igropyr-Host")!, host)
    }
}
