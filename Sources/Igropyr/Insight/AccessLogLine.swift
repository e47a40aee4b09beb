internal import IgropyrInsight
internal import IgropyrUV

/// What became of a request.
struct RequestOutcome {
    let endpoint: Endpoint
    /// 499 if the client went away before there was one, as nginx has it.
    let status: Int
    /// Of the response's body, as far as they were handed to the connection.
    let bodyBytes: Int
    let duration: Duration
    let peer: SocketAddress?
}

extension AccessLogBuffer {
    func note(_ request: Request, _ outcome: RequestOutcome, as format: AccessLog.Format) {
        addLine { time, lines in
            switch format {
            case .common: request.appendCommonLine(outcome, time, isCombined: false, to: &lines)
            case .combined: request.appendCommonLine(outcome, time, isCombined: true, to: &lines)
            case .json: request.appendJSONLine(outcome, time, to: &lines)
            }
        }
    }

    /// The line of a request that broke the protocol or a limit: who sent it, and what it was told.
    func noteRefusal(status: Int, peer: SocketAddress?, as format: AccessLog.Format) {
        let host = peer?.hostText ?? "-"
        addLine { time, line in
            switch format {
            case .common, .combined:
                line += "\(host) - - [".utf8
                line += time.common
                line += "] \"-\" \(status) 0\(format == .combined ? " \"-\" \"-\"" : "")\n".utf8
            case .json:
                line += "{\"time\":\"".utf8
                line += time.iso
                line += "\",\"status\":\(status),\"bytes\":0,\"remote\":\"\(host)\"}\n".utf8
            }
        }
    }
}

extension Request {
    fileprivate func appendCommonLine(
        _ outcome: RequestOutcome, _ time: AccessLogTime, isCombined: Bool, to line: inout [UInt8]
    ) {
        line += (outcome.peer?.hostText ?? "-").utf8
        line += " - ".utf8
        line.append(escaped: authenticatedName ?? "-", as: .quoted)
        line += " [".utf8
        line += time.common
        line += "] \"".utf8
        line.append(escaped: requestLine, as: .quoted)
        line += "\" \(outcome.status) \(outcome.bodyBytes)".utf8
        if isCombined {
            for field in ["Referer", "User-Agent"] {
                line += " \"".utf8
                line.append(escaped: header(field) ?? "-", as: .quoted)
                line.append(UInt8(ascii: "\""))
            }
        }
        line.append(UInt8(ascii: "\n"))
    }

    fileprivate func appendJSONLine(_ outcome: RequestOutcome, _ time: AccessLogTime, to line: inout [UInt8]) {
        line += "{\"time\":\"".utf8
        line += time.iso
        line += "\",\"status\":\(outcome.status),\"bytes\":\(outcome.bodyBytes)".utf8
        line += ",\"duration\":\(outcome.duration / .seconds(1))".utf8
        let members: [(String, String?)] = [
            ("remote", outcome.peer?.hostText), ("method", method.rawValue), ("target", target),
            ("version", protocolVersion), ("route", outcome.endpoint.pattern.isEmpty ? nil : outcome.endpoint.pattern),
            ("host", authority), ("user", authenticatedName), ("referer", header("Referer")),
            ("agent", header("User-Agent")), ("id", id),
        ]
        for case (let name, let value?) in members {
            line += ",\"\(name)\":\"".utf8
            line.append(escaped: value, as: .json)
            line.append(UInt8(ascii: "\""))
        }
        line += "}\n".utf8
    }

    private var requestLine: String { "\(method.rawValue) \(target) \(protocolVersion)" }
}
