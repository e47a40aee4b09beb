import FoundationEssentials
import IgropyrHTTP
import IgropyrTransport

/// What an ``AdminServer`` answers, whole.
struct AdminAnswer {
    var status: Int
    var contentType: String
    var body: [UInt8]

    static func text(_ status: Int, _ text: String) -> AdminAnswer {
        AdminAnswer(status: status, contentType: "text/plain; charset=utf-8", body: Array(text.utf8))
    }

    static func json(_ value: some Encodable, status: Int = 200) -> AdminAnswer {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(value) else { return .text(500, "the answer cannot be encoded\n") }
        return AdminAnswer(status: status, contentType: "application/json", body: Array(data) + [UInt8(ascii: "\n")])
    }

    static let loopsAreBusy = text(503, "a loop of the balancer did not report in time\n")

    func send(on connection: any HTTPServerStream, allow: String? = nil) {
        do throws(HTTPSerializer.Failure) {
            try connection.beginResponse(status: status, framing: .length(UInt64(body.count)))
            try connection.appendField("Content-Type", contentType)
            try connection.appendField("Cache-Control", "no-store")
            if let allow { try connection.appendField("Allow", allow) }
            connection.endHead()
            unsafe connection.sendBody(body.span.bytes)
            connection.endResponse()
        } catch { connection.abort() }
    }
}
