// The least that an application can answer, to be measured beside nginx's `return 200`.

import Igropyr

let app = App()
app.get("/") { _ in "Hello, world\n" }
try await app.run()
