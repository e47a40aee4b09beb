import IgropyrHTTP
import IgropyrHashing
import IgropyrUV

/// Where a request would go, why, and who is next; as JSON.
public struct Explanation: Codable, Sendable {
    /// Nil if no route matches, and for a redirect.
    public private(set) var application: String?
    /// Where a route leads instead.
    public private(set) var redirect: String?
    /// `hash` with the kind of its table, `least-request` or `random-two`.
    public private(set) var balance: String?
    /// Which part of the request is the key, where one is.
    public private(set) var key: String?
    /// XXH64 of the key, hexadecimal.
    public private(set) var hash: String?
    /// In the order in which the request would try them: the key's own list; without a key, all workers.
    public private(set) var choices: [WorkersAnswer.Worker] = []

    /// Why a question has no answer.
    struct Invalid: Error {
        var description: String
    }

    /// Takes the question's pairs: `url`, and maybe `method`, `header` (as `NAME: VALUE`, again and again) and
    /// `source`.
    init(
        _ question: [QueryPair], _ snapshot: UpstreamSnapshot, _ report: InsightReport
    ) throws(Invalid) {
        let request = try Self.request(question)
        let source = question.first { $0.name == "source" }?.value
        let client = source.flatMap { SocketAddress($0, port: 0) }
        guard source == nil || client != nil else { throw Invalid(description: "source takes an IP address\n") }
        var parser = HTTPParser.requests()
        let event: HTTPParser.Event
        do throws(HTTPError) {
            event = try parser.next(in: unsafe request.span.bytes)
        } catch {
            throw Invalid(error)
        }
        guard case .head = event else { throw Invalid(description: "this is no whole request\n") }
        unsafe explain(parser.head, request.span.bytes, from: client, snapshot, report)
    }

    private static func request(_ question: [QueryPair]) throws(Invalid) -> [UInt8] {
        guard var url = question.first(where: { $0.name == "url" })?.value, !url.isEmpty else {
            throw Invalid(
                description: "ask by ?url=http://HOST/PATH, and method=, header=NAME: VALUE, source=ADDRESS\n")
        }
        // Each must stay what it is, once they stand in one request.
        guard url.utf8.allSatisfy({ $0 > 0x20 }) else { throw Invalid(.invalidTarget) }
        var host = "localhost"
        for scheme in ["http://", "https://"] where url.hasPrefix(scheme) {
            let rest = url.dropFirst(scheme.count)
            host = String(rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" })
            url = String(rest.dropFirst(host.count))
        }
        url = String(url.prefix { $0 != "#" })
        if !url.hasPrefix("/") { url = "/" + url }
        let method = question.first { $0.name == "method" }?.value ?? "GET"
        guard !method.isEmpty, method.utf8.allSatisfy({ $0 > 0x20 }) else { throw Invalid(.invalidMethod) }
        var text = "\(method) \(url) HTTP/1.1\r\nHost: \(host)\r\n"
        for header in question where header.name == "header" {
            guard !header.value.isEmpty, header.value.utf8.allSatisfy({ $0 >= 0x20 || $0 == 0x09 }) else {
                throw Invalid(.invalidFieldName)
            }
            text += header.value + "\r\n"
        }
        return Array((text + "\r\n").utf8)
    }

    private mutating func explain(
        _ head: MessageHead, _ bytes: RawSpan, from client: SocketAddress?, _ snapshot: UpstreamSnapshot,
        _ report: InsightReport
    ) {
        let position: Int
        let settings: ApplicationSettings
        switch snapshot.destination(head, bytes) {
        case .nowhere: return
        case .redirect(let rule):
            redirect = rule.action.location(head, bytes).map { String(decoding: $0, as: UTF8.self) }
            return
        case .application(let index, let own): (position, settings) = (index, own.values)
        }
        let upstreams = snapshot.applications[position]
        application = upstreams.label
        let workers = WorkersAnswer.Application(upstreams, report.applications[upstreams.label]).workers
        let byID = Dictionary(workers.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        switch settings.policy {
        case .consistentHash:
            let hash = settings.hashKey.hash(head, bytes, source: client)
            balance = "hash (\(settings.keyTable.rawValue))"
            key = settings.hashKey.description
            self.hash = String(hash, radix: 16)
            let table = upstreams.table
            let positions = (0..<table.depth).compactMap { table.position(forHash: hash, rank: $0) }
            choices = positions.compactMap { byID[upstreams.members[$0].id] }
        case .leastRequest, .randomTwo:
            balance = settings.policy == .leastRequest ? "least-request" : "random-two"
            choices = workers
        }
    }
}

extension Explanation.Invalid {
    /// Why such a request would be refused, in words of the question.
    fileprivate init(_ error: HTTPError) {
        let reason =
            switch error {
            case .invalidTarget:
                "the URL has a blank or another character that cannot stand in one: a blank is written %20"
            case .targetTooLong: "the URL is too long"
            case .invalidHost: "the URL's host is none: write http://HOST/PATH or http://HOST:PORT/PATH"
            case .duplicateHost: "the host stands in the URL: write http://HOST/PATH, and no header Host"
            case .invalidMethod, .methodTooLong: "there is no such method"
            case .invalidFieldName, .spaceBeforeColon, .lineFolding, .controlCharacter:
                "a header is written as NAME: VALUE"
            default: "such a request would be refused: \(error)"
            }
        self.init(description: reason + "\n")
    }
}
