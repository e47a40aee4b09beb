internal import IgropyrHTTP
internal import IgropyrTransport

/// An answer of the control API: JSON, but for the indexes and the chunks of bundles. Thrown, it is a refusal.
struct ControlReply: Error {
    var status: Int
    var body: [UInt8]
    var type = "application/json"
    /// When to ask again.
    var retryAfterSeconds: Int?

    static func bytes(_ bytes: [UInt8]) -> ControlReply {
        ControlReply(status: 200, body: bytes, type: "application/octet-stream")
    }

    static func json(_ value: some Encodable, status: Int = 200) -> ControlReply {
        do throws(ControlError) {
            return ControlReply(status: status, body: try JSON.encode(value))
        } catch {
            return .refusal(500, error.description)
        }
    }

    /// Takes one line with the cause and what to do.
    static func refusal(_ status: Int, _ reason: String, retryAfterSeconds: Int? = nil) -> ControlReply {
        // A text always becomes JSON.
        let body = (try? JSON.encode(ErrorAnswer(error: reason))) ?? []
        return ControlReply(status: status, body: body, retryAfterSeconds: retryAfterSeconds)
    }

    func send(on connection: any HTTPServerStream, allow: String? = nil) {
        do throws(HTTPSerializer.Failure) {
            try connection.beginResponse(status: status, framing: .length(UInt64(body.count)))
            try connection.appendField("Content-Type", type)
            try connection.appendField(ControlAPI.versionField, "\(ControlAPI.version)")
            if let allow { try connection.appendField("Allow", allow) }
            if let retryAfterSeconds { try connection.appendField("Retry-After", "\(retryAfterSeconds)") }
            connection.endHead()
            unsafe connection.sendBody(body.span.bytes)
            connection.endResponse()
        } catch { connection.abort() }
    }
}
