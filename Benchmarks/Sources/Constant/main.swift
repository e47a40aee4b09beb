// The least that an application can answer, to be measured beside others'.

import Igropyr

let app = App()
app.get("/") { _ in "Hello, world\n" }
app.get("/async") { _ async in "Hello, world\n" }
try await app.run()
