// The least that an application can answer, to be measured beside others'.

import Igropyr

let app = App()
app.server.connections = 16_384  // As many, as long and as often as the others may.
app.server.idleTimeout = .seconds(75)
app.server.requestsPerConnection = .max
if CommandLine.arguments.count == 3 {  // By TLS: a certificate file and a key file.
    app.tls = TLSConfiguration(
        certificates: [.init(chainFile: CommandLine.arguments[1], keyFile: CommandLine.arguments[2])])
}
app.get("/") { _ in "Hello, world\n" }
app.get("/async") { _ async in "Hello, world\n" }
try await app.run()
