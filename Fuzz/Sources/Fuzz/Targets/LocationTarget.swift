@testable import Igropyr
@testable import IgropyrBalancer
import IgropyrHTTP
@testable import IgropyrSites

/// Where redirections lead, by whoever says so: where to, a host and a target, a line each.
enum LocationTarget: FuzzTarget {
    static let name = "location"

    static func run(_ input: [UInt8]) {
        let lines = input.split(separator: UInt8(ascii: "\n"), maxSplits: 2, omittingEmptySubsequences: false)
        let text = String(decoding: lines[0], as: UTF8.self)
        checkURL(text)
        guard lines.count == 3 else { return }
        checkResolving(text, String(decoding: lines[2], as: UTF8.self))
        let wire = Array("GET ".utf8) + lines[2] + Array(" HTTP/1.1\r\nHost: ".utf8) + lines[1] + Array("\r\n\r\n".utf8)
        var parser = HTTPParser.requests()
        guard case .head? = try? parser.next(in: wire.span.bytes), parser.head.targetForm == .origin else { return }
        checkTarget(text, parser.head, wire)
        guard let names = try? PathSegments.decode(parser.head.path, in: wire.span.bytes) else { return }
        checkRule(text, names, parser.head.query.map { wire.span.bytes.string(in: $0) })
    }

    /// The balancer's.
    private static func checkTarget(_ text: String, _ head: MessageHead, _ wire: [UInt8]) {
        guard let target = try? RedirectTarget(text), let location = target.location(of: head, wire.span.bytes),
            let host = head.authority
        else { return }
        var bare = wire[host]
        while let last = bare.last, (0x30...0x39).contains(last) { bare.removeLast() }
        bare = bare.last == UInt8(ascii: ":") ? bare.dropLast() : wire[host]
        let own = text.replacing("{host}", with: String(decoding: bare, as: UTF8.self))
        check(String(decoding: location, as: UTF8.self), leadsWhere: own)
    }

    /// A site's: the same pattern for all paths.
    private static func checkRule(_ text: String, _ names: [String], _ query: String?) {
        guard let rule = try? PathRule("/**", to: text), let location = rule.destination(of: names, query: query) else {
            return
        }
        check(location, leadsWhere: text)
    }

    /// No path, query or host of a client's chooses who is asked next.
    private static func check(_ location: String, leadsWhere text: String) {
        require(location.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }, "a redirection goes on")
        require(place(of: location) == place(of: text), "the client chooses where it is led")
    }

    /// As browsers find it, to which a backslash is a slash and several are two; nil for the same place.
    private static func place(of location: String) -> String? {
        let text = location.replacing("\\", with: "/")
        guard !text.hasPrefix("//") else { return text }
        guard !text.hasPrefix("/") else { return nil }
        let scheme = text.prefix { $0 != ":" }
        let rest = text.dropFirst(scheme.count + 1).drop { $0 == "/" }
        return "\(scheme)://\(rest.prefix { !"/?#".contains($0) })"
    }

    /// What the client follows.
    private static func checkURL(_ text: String) {
        for purpose in [ServerURL.Purpose.http, .webSocket] {
            guard let url = ServerURL(text, for: purpose) else { continue }
            check(url)
            guard text.utf8.allSatisfy({ $0 < 0x80 }) else { continue }  // Else Foundation writes it otherwise.
            require(ServerURL("\(url)", for: purpose) == url, "a URL that was written again is another one")
        }
    }

    private static func check(_ url: ServerURL) {
        require(!url.endpoint.host.isEmpty && url.target.utf8.first == UInt8(ascii: "/"))
        require(url.target.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "#") }, "a target goes on")
        require(url.authority.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F }, "a Host goes on")
    }

    private static func checkResolving(_ text: String, _ reference: String) {
        guard let url = ServerURL(text, for: .http), let next = url.resolving(reference) else { return }
        check(next)
        let isPath = reference.utf8.first == UInt8(ascii: "/") && !reference.utf8.dropFirst().starts(with: "/".utf8)
        require(!isPath || next.origin == url.origin, "a path leads to another server")
    }
}
