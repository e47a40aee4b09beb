internal import HTTPTypes
internal import Igropyr
internal import IgropyrText
internal import IgropyrUV
internal import Logging

extension SiteLoop {
    /// Has a program answer for the file.
    func run(_ call: FileRequest, _ settings: CGISettings) async throws -> Response {
        guard !Self.isNonParsed(call.file) else {
            call.log.error(
                "scripts that answer by themselves (nph-…) are not supported", metadata: ["file": "\(call.file)"])
            throw HTTPFailure(.notImplemented)
        }
        var body = try GatewayBody(call)
        if !body.isWhole { try await body.take(call) }
        try await programs.turns.take(on: loop)
        let program: CGIProgram
        do {
            try Task.checkCancellation()  // The client may have gone while it waited: what it asked for is not begun.
            program = try CGIProgram(call, settings, bodyBytes: body.length, programs)
        } catch {
            programs.turns.giveBack()
            throw error
        }
        return try await GatewayExchange(call, program, timeout: settings.timeout).response(sending: body)
    }

    private static func isNonParsed(_ file: String) -> Bool {
        file.pathNames.last?.utf8.starts(with: "nph-".utf8) ?? false
    }

    /// Has a FastCGI responder answer for the file.
    func askFastCGI(_ call: FileRequest, _ pool: GatewayPool) async throws -> Response {
        var (body, pool) = (try GatewayBody(call), pool)
        if !body.isWhole {
            try await body.take(call)
            pool = try self.pool(pool.settings)  // Nobody used it meanwhile, and it may have been closed.
        }
        let variables = MetaVariables(call, pool.settings, bodyBytes: body.length)
        // What is sent to a program that has just closed the connection it may have begun with.
        let canRepeat = body.length == nil && call.isIdempotent
        var isFresh = false
        while true {
            let (stream, hasRested) =
                if let connection = try connectionNow(pool, call, isFresh: isFresh, canRepeat: canRepeat) {
                    connection
                } else {
                    try await connection(pool, call, isFresh: isFresh, canRepeat: canRepeat)
                }
            let conversation = FastCGIConversation(
                stream, call, variables, hasBody: body.length != nil, keepsConnection: pool.keepsConnections
            ) { [pool] in pool.giveBack(stream, isUsable: $0) }
            let exchange = GatewayExchange(call, conversation, timeout: pool.settings.timeout)
            do {
                return try await exchange.response(sending: body)
            } catch let failure as HTTPFailure
                where failure.status == .badGateway && hasRested && canRepeat && conversation.isUnheard
            {
                isFresh = true
            }
        }
    }

    /// The same by SCGI.
    func askSCGI(_ call: FileRequest, _ settings: GatewaySettings) async throws -> Response {
        var body = try GatewayBody(call)
        if !body.isWhole { try await body.take(call) }
        let variables = MetaVariables(call, settings, bodyBytes: body.length)
        let pool = try pool(settings)
        let (stream, _) = try await connection(pool, call, isFresh: true, canRepeat: false)
        let conversation = SCGIConversation(stream, pool, variables)
        return try await GatewayExchange(call, conversation, timeout: settings.timeout).response(sending: body)
    }

    private func connectionNow(
        _ pool: GatewayPool, _ call: FileRequest, isFresh: Bool, canRepeat: Bool
    ) throws -> GatewayPool.Connection? {
        do throws(UVError) {
            return try pool.takeNow(isFresh: isFresh, canRepeat: canRepeat)
        } catch {
            throw unreachable(call, error)
        }
    }

    private func connection(
        _ pool: GatewayPool, _ call: FileRequest, isFresh: Bool, canRepeat: Bool
    ) async throws -> GatewayPool.Connection {
        do {
            return try await pool.take(isFresh: isFresh, canRepeat: canRepeat)
        } catch let error as UVError {
            throw unreachable(call, error)
        }
    }

    private func unreachable(_ call: FileRequest, _ error: UVError) -> HTTPFailure {
        call.log.error(
            "a program that should listen cannot be reached", metadata: ["file": "\(call.file)", "reason": "\(error)"])
        return HTTPFailure(.badGateway)
    }
}
