internal import HTTPTypes
internal import Igropyr
internal import IgropyrHTTP
internal import IgropyrText
internal import IgropyrUV
internal import Logging

/// Which file of Scheme is to be shown, and how.
enum SchemePage {
    /// HTML with Scheme between tags.
    case page(SchemeTags)
    /// Scheme whose value is the page.
    case value
    /// A program of the first edition, which answers for all paths.
    case program(String)

    /// What the interpreter is told beside CGI's variables.
    func variables(_ call: FileRequest, showsErrors: Bool) -> [String: String] {
        var tags = SchemeTags()
        var variables: [String: String] = [:]
        switch self {
        case .page(let own):
            tags = own
            variables["IGROPYR_PAGE"] = "ssp"
        case .value: variables["IGROPYR_PAGE"] = "ws"
        case .program(let file):
            variables["IGROPYR_PAGE"] = "program"
            variables["IGROPYR_PROGRAM"] = file
        }
        variables["IGROPYR_TAG"] = tags.short
        variables["IGROPYR_LONG_TAG"] = tags.long
        variables["IGROPYR_CLOSE_TAG"] = tags.close
        variables["IGROPYR_TARGET"] = call.target
        if showsErrors { variables["IGROPYR_SHOWS_ERRORS"] = "1" }
        return variables
    }
}

extension FileRequest {
    /// The path and query that are answered: the client's, or where a page has sent the request on to.
    fileprivate var target: String {
        let query = query.map { "?" + $0 } ?? ""
        guard isRestarted else { return request.path + query }
        let names = file.pathNames + pathInfo
        return "/" + names.map { PercentEncoding.encode($0) }.joined(separator: "/") + query
    }
}

extension SiteLoop {
    /// Has an interpreter make the page. Neither a slow client nor one that goes away keeps it longer than the page
    /// takes: it gets the whole request, and what it answers is held.
    func show(_ call: FileRequest, _ page: SchemePage) async throws -> Response {
        let body = call.isRestarted ? [] : try await call.request.body(upTo: call.rules.bodyBytes)
        let variables = MetaVariables(
            call, root: call.root, environment: page.variables(call, showsErrors: showsErrors),
            bodyBytes: body.isEmpty ? nil : body.count)
        try await interpreters.turns.take(on: loop)
        nonisolated(unsafe) let (site, shown) = (self, call)  // They stay on this thread.
        let output = try await Task.immediate(executorPreference: loop) {
            try await unsafe site.output(of: shown, variables, body)
        }.value
        return try Self.response(output, call)
    }

    /// Has a program of the first edition answer: it has callbacks for two methods.
    func show(_ call: FileRequest, by program: SchemeProgram) async throws -> Response {
        guard ["GET", "HEAD", "POST"].contains(call.method) else {
            throw HTTPFailure(.methodNotAllowed, fields: [.allow: "GET, HEAD, POST"])
        }
        return try await show(call, .program(program.file))
    }

    /// All that the interpreter writes for a request. Gives the turn back.
    private func output(of call: FileRequest, _ variables: MetaVariables, _ body: [UInt8]) async throws -> [UInt8] {
        let (interpreters, settings) = (interpreters, schemeSettings)
        let interpreter = try await interpreters.take(call.log)
        let conversation = FastCGIConversation(
            interpreter.stream, call, variables, hasBody: !body.isEmpty, keepsConnection: true
        ) { interpreters.giveBack(interpreter, isUsable: $0) }
        defer { conversation.end() }
        let deadline = try Deadline(after: settings.timeout, on: loop) { interpreter.end() }
        defer { deadline.cancel() }
        do {
            return try await Self.talk(conversation, body, limit: settings.outputBytes)
        } catch {
            call.log.error(
                deadline.isOver ? "a page took too long" : "a page's interpreter ended before the page did",
                metadata: ["file": "\(call.file)", "limit": "\(settings.timeout)", "reason": "\(error)"])
            throw HTTPFailure(deadline.isOver ? .gatewayTimeout : .internalServerError)
        }
    }

    private static func talk(
        _ conversation: FastCGIConversation, _ body: [UInt8], limit: Int
    ) async throws -> [UInt8] {
        try conversation.begin()
        if !body.isEmpty { try await conversation.send(body) }
        try conversation.endBody()
        var output: [UInt8] = []
        while let piece = try await conversation.read() {
            output += piece
            // The interpreter keeps the limit itself; this is for one whose page has got at the socket.
            guard output.count <= limit + GatewayHeadParser.limitBytes else { throw GatewayMistake.headTooLong }
        }
        return output
    }

    /// - Throws: ``HTTPFailure`` 500 for a page that failed; ``RestartRequest``.
    private static func response(_ output: [UInt8], _ call: FileRequest) throws -> Response {
        var parser = GatewayHeadParser()
        do {
            // A page that failed says why to the log, and nothing here.
            guard !output.isEmpty, let (head, body) = try parser.take(output) else {
                throw HTTPFailure(.internalServerError)
            }
            switch head.meaning {
            case .localRedirect(let path): throw RestartRequest(path: path)
            case .document(let status):
                var response = Response(.init(code: status), bytes: body, contentType: head.contentType)
                head.fill(&response)
                return response
            }
        } catch let mistake as GatewayMistake {
            call.log.error("a page's head is none", metadata: ["file": "\(call.file)", "reason": "\(mistake)"])
            throw HTTPFailure(.internalServerError)
        }
    }
}

/// What happens once, unless it is called off before.
private final class Deadline {
    private let timer: Timer
    private(set) var isOver = false

    init(after time: Duration, on loop: EventLoop, _ body: @escaping () -> Void) throws(UVError) {
        timer = try Timer(on: loop)
        try timer.start(after: time) { [weak self] in
            self?.isOver = true
            body()
        }
    }

    func cancel() { timer.close() }
}
