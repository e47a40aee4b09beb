internal import FoundationEssentials
internal import IgropyrHTTP
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

/// The present second in the two ways that logs write it; made once a second.
struct AccessLogTime {
    private var seconds = Int64.min
    private(set) var common: [UInt8] = []
    private(set) var iso: [UInt8] = []

    mutating func update(to seconds: Int64) {
        guard seconds != self.seconds else { return }
        self.seconds = seconds
        let date = Date(timeIntervalSince1970: TimeInterval(seconds))
        iso = Array(date.formatted(.iso8601).utf8)
        // `Sun, 06 Nov 1994 08:49:37 GMT` has all the parts of `06/Nov/1994:08:49:37 +0000`.
        let parts = HTTPDate(seconds: seconds).text.split(separator: " ")
        common = Array("\(parts[1])/\(parts[2])/\(parts[3]):\(parts[4]) +0000".utf8)
    }
}

extension Request {
    func appendCommonLine(
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

    func appendJSONLine(_ outcome: RequestOutcome, _ time: AccessLogTime, to line: inout [UInt8]) {
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

/// The line of a request that broke the protocol or a limit: who sent it, and what it was told.
func appendRefusal(
    _ status: Int, _ peer: SocketAddress?, _ time: AccessLogTime, _ format: AccessLog.Format, to line: inout [UInt8]
) {
    let host = peer?.hostText ?? "-"
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

private enum Escaping { case quoted, json }

extension [UInt8] {
    /// What a client sends must not end a line, or a field of one.
    fileprivate mutating func append(escaped text: String, as escaping: Escaping) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                append(UInt8(ascii: "\\"))
                append(byte)
            case 0..<0x20, 0x7F:
                self += (escaping == .json ? "\\u00" : "\\x").utf8
                append((byte >> 4).digit)
                append((byte & 0x0F).digit)
            default: append(byte)
            }
        }
    }
}

extension UInt8 {
    /// As a hexadecimal digit; below 16.
    fileprivate var digit: UInt8 { self < 10 ? UInt8(ascii: "0") + self : UInt8(ascii: "A") + self - 10 }
}
