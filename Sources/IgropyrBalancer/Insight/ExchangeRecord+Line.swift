import IgropyrHTTP
import IgropyrInsight
import IgropyrTime
import IgropyrUV

extension ExchangeRecord {
    /// In the common formats, what only a proxy knows follows the usual fields as `name=value`, where there is a value.
    func appendLine(
        _ request: LoggedRequest, as format: AccessLog.Format, ended: Timestamp, _ time: AccessLogTime,
        to line: inout [UInt8]
    ) {
        switch format {
        case .common, .combined:
            appendCommon(request, time, isCombined: format == .combined, to: &line)
            forEachNumber(ended) { name, value in line += " \(name)=\(value)".utf8 }
            forEachText(request) { name, value in
                line += " \(name)=\"".utf8
                line.append(escaped: value, as: .quoted)
                line.append(UInt8(ascii: "\""))
            }
            line.append(UInt8(ascii: "\n"))
        case .json:
            appendJSON(request, ended, time, to: &line)
        }
    }

    /// The line of what is no request: who sent it, and what it was told.
    static func appendRefusal(
        status: Int, peer: SocketAddress?, as format: AccessLog.Format, _ time: AccessLogTime, to line: inout [UInt8]
    ) {
        let host = peer?.hostText ?? "-"
        let failure = ExchangeFailure.protocolError.term
        switch format {
        case .common, .combined:
            line += "\(host) - - [".utf8
            line += time.common
            let fields = format == .combined ? " \"-\" \"-\"" : ""
            line += "] \"-\" \(status) 0\(fields) failure=\"\(failure)\"\n".utf8
        case .json:
            line += "{\"time\":\"".utf8
            line += time.iso
            line += "\",\"status\":\(status),\"bytes\":0,\"remote\":\"\(host)\",\"failure\":\"\(failure)\"}\n".utf8
        }
    }

    private func appendCommon(
        _ request: LoggedRequest, _ time: AccessLogTime, isCombined: Bool, to line: inout [UInt8]
    ) {
        let (head, bytes) = (request.head, request.bytes)
        line += (request.peer?.hostText ?? "-").utf8
        line += " - - [".utf8
        line += time.common
        line += "] \"".utf8
        line.append(escaped: bytes.span.extracting(head.methodName), as: .quoted)
        line.append(UInt8(ascii: " "))
        line.append(escaped: bytes.span.extracting(head.target), as: .quoted)
        line += " HTTP/\(head.version.number)\" \(status) \(responseBytes)".utf8
        guard isCombined else { return }
        for name in ["Referer", "User-Agent"] {
            line += " \"".utf8
            if let value = request.value(of: name) {
                line.append(escaped: bytes.span.extracting(value), as: .quoted)
            } else {
                line.append(UInt8(ascii: "-"))
            }
            line.append(UInt8(ascii: "\""))
        }
    }

    private func appendJSON(
        _ request: LoggedRequest, _ ended: Timestamp, _ time: AccessLogTime, to line: inout [UInt8]
    ) {
        let (head, bytes) = (request.head, request.bytes)
        line += "{\"time\":\"".utf8
        line += time.iso
        line += "\",\"status\":\(status),\"bytes\":\(responseBytes)".utf8
        forEachNumber(ended) { name, value in line += ",\"\(name)\":\(value)".utf8 }
        line += ",\"remote\":\"\(request.peer?.hostText ?? "-")\",\"version\":\"HTTP/\(head.version.number)\"".utf8
        let members = [
            ("method", head.methodName), ("target", head.target), ("host", head.authority),
            ("referer", request.value(of: "Referer")), ("agent", request.value(of: "User-Agent")),
        ]
        for case (let name, let range?) in members {
            line += ",\"\(name)\":\"".utf8
            line.append(escaped: bytes.span.extracting(range), as: .json)
            line.append(UInt8(ascii: "\""))
        }
        forEachText(request) { name, value in
            line += ",\"\(name)\":\"".utf8
            line.append(escaped: value, as: .json)
            line.append(UInt8(ascii: "\""))
        }
        line += "}\n".utf8
    }

    private func forEachNumber(_ ended: Timestamp, _ body: (_ name: String, _ value: String) -> Void) {
        body("received", "\(requestBytes)")
        body("duration", seconds(began, ended))
        if let sentAt { body("wait", seconds(began, sentAt)) }
        if let sentAt, let firstByteAt { body("firstByte", seconds(sentAt, firstByteAt)) }
        body("tries", "\(tries)")
    }

    private func forEachText(_ request: LoggedRequest, _ body: (_ name: String, _ value: Span<UInt8>) -> Void) {
        let bytes = request.bytes
        let texts = [
            ("application", application?.name), ("worker", worker?.id), ("upstream", upstream?.description),
            ("failure", failure?.term), ("trace", request.identity?.trace?.traceIDText),
        ]
        for case (let name, let text?) in texts { body(name, text.utf8.span) }
        if let id = request.identity?.newRequestID {
            body("id", id.utf8.span)
        } else if let id = request.value(of: "X-Request-ID") {
            body("id", bytes.span.extracting(id))
        }
    }

    /// In microseconds' steps.
    private func seconds(_ from: Timestamp, _ to: Timestamp) -> String {
        let microseconds = max(0, to.nanoseconds - from.nanoseconds) / 1000
        let fraction = String(microseconds % 1_000_000)
        return "\(microseconds / 1_000_000).\(String(repeating: "0", count: 6 - fraction.utf8.count))\(fraction)"
    }
}

extension LoggedRequest {
    fileprivate func value(of name: String) -> Range<Int>? {
        let bytes = bytes
        return unsafe head.value(of: name, in: bytes.span.bytes)
    }
}
