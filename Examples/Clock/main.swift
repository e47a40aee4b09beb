// The time, pushed to every browser that looks, once a second.

import Glibc
import Igropyr

let page = HTML(
    """
    <!doctype html>
    <html lang="en"><meta charset="utf-8"><title>Clock</title>
    <output id="time"></output>
    <script src="clock.js"></script></html>

    """)

let script = """
    new EventSource("ticks").onmessage = event => document.getElementById("time").textContent = event.data;

    """

/// A tick a second, numbered on from `last`, for as long as somebody listens.
struct Ticks: AsyncSequence, AsyncIteratorProtocol {
    var number: Int
    var isFirst = true

    init(after last: Int) { number = last }

    func makeAsyncIterator() -> Ticks { self }

    mutating func next() async throws -> ServerSentEvent? {
        if !isFirst { try await Task.sleep(for: .seconds(1)) }
        isFirst = false
        number += 1
        var now = timespec()
        _ = unsafe clock_gettime(CLOCK_REALTIME, &now)
        let time = HTTPDate(seconds: Int64(now.tv_sec)).text
        return ServerSentEvent(time, id: "\(number)", retry: number == 1 ? .seconds(1) : nil)
    }
}

let app = App()

app.use(SecurityHeaders())
app.get("/") { _ in page }
app.get("/clock.js") { _ in Response(text: script, contentType: "text/javascript; charset=utf-8") }
app.get("/ticks") { request in ServerSentEvents(Ticks(after: request.lastEventID.flatMap { Int($0) } ?? 0)) }

do {
    try await app.run()
} catch {
    app.logger.critical("\(error)")
    exit(1)
}
