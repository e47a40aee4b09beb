// Says who answered; made for being watched behind a balancer. `/crash` ends the process, for the supervisor to see.

import Glibc
import Igropyr

let app = App()
let host = app.worker?.host ?? Greeter.machineName
let greeter = Greeter(worker: app.worker, host: host)

app.get("/**") { request in greeter.greet(request) }

app.get("/slow") { request async throws in
    let milliseconds = min(try request.query["ms"].flatMap { UInt32($0) } ?? 1000, 60_000)
    try await Task.sleep(for: .milliseconds(milliseconds))
    return greeter.greet(request)
}

app.get("/crash") { request -> String in fatalError("asked to crash") }

app.post("/echo") { request async in
    Response(contentType: request.header("Content-Type")) { writer in
        for try await piece in request.body { try await writer.write(piece) }
    }
}

do {
    try await app.run()
} catch {
    app.logger.critical("\(error)")
    exit(1)
}
