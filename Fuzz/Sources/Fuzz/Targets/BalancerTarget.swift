import Dispatch
import IgropyrBalancer
import IgropyrHTTP
import IgropyrUV

/// A whole balancer between a client and its workers: settings, how many pieces workers say, each with its length, then
/// all that the client sends.
enum BalancerTarget: FuzzTarget {
    static let name = "balancer"

    static func run(_ input: [UInt8]) {
        var input = Input(input)
        let settings = settings(chosenBy: input.byte())
        let pieces = (0..<Int(input.byte() & 3)).map { _ in input.piece() }
        let wire = input.rest
        var stage = Stage(workersSaying: pieces)
        let workers = workers(onPort: stage.port)
        let snapshot = UpstreamSnapshot(nil, rules: .fixed(workers.map { .init($0) }), defaults: settings.application)
        let balancer = wait { try await Balancer.start(settings, snapshot: snapshot) }
        let answer = stage.play(client: wire, onPort: balancer.address.port)
        wait { try await balancer.stop(timeout: .zero) }  // Nothing is left open on its loop.
        stage.end()
        guard !String(decoding: wire, as: UTF8.self).lowercased().contains("upgrade") else { return }
        HTTP1Target.check(answer, to: wire)
        let isHTTP2 = answer.starts(with: [0, 0])
        let sent = Message.all(in: .requests(wire, step: .max, limits: settings.server.limits))
        for connection in stage.received {
            let transcript = Transcript.requests(connection, step: .max, limits: workerLimits)
            require(transcript.error == nil, "a worker is sent what is no request")
            for request in Message.all(in: transcript) { check(request, isHTTP2 ? nil : sent) }
        }
    }

    private static func settings(chosenBy choice: UInt8) -> BalancerSettings {
        var settings = BalancerSettings(listen: .loopback(port: 0))
        settings.holdTime = .milliseconds(100)
        settings.repeatableBodyBytes = choice & 1 == 0 ? 64 << 10 : 8
        settings.forwarded.mode = [.append, .replace, .trust][Int(choice >> 1 & 3) % 3]
        settings.forwarded.trusted = [IPNetwork("127.0.0.0/8")].compactMap(\.self)
        settings.bodyBytes = choice & 8 == 0 ? nil : 16
        settings.server.lingerTimeout = .milliseconds(200)
        settings.server.http2.concurrentStreams = 8
        settings.application.keyTable = .ketama  // For each input there is a new one, and this takes the least time.
        settings.application.hashKey = choice & 16 == 0 ? .path : .assignedCookie("a")
        return settings
    }

    /// What a worker gets has a few fields more than what the client has sent.
    private static let workerLimits: HTTPLimits = {
        var limits = HTTPLimits()
        (limits.headBytes, limits.fields) = (64 << 10, 200)
        return limits
    }()

    /// So many inputs were run, by the only thread that runs any.
    private nonisolated(unsafe) static var inputs: UInt16 = 0

    /// At new addresses each time, since those of connections that have ended stay taken for a while.
    private static func workers(onPort port: UInt16) -> [SocketAddress] {
        inputs &+= 1
        return [2, 3].map {
            SocketAddress(host: .v4(127, $0, UInt8(inputs >> 8), UInt8(inputs & 0xFF)), port: port)
        }
    }

    /// Each request that a worker sees is one that the client has sent, by the rules that the client was held to.
    private static func check(_ seen: Message, _ sent: [Message]?) {
        let fields = seen.head.fields
        let names = stride(from: 0, to: fields.count, by: 2).map {
            String(decoding: fields[$0], as: UTF8.self).lowercased()
        }
        require(names.count { $0 == "host" } == 1, "not one Host")
        require(names.contains("via"), "a request does not say that it was passed on")
        for name in ["keep-alive", "proxy-connection", "proxy-authorization", "upgrade"] {
            require(!names.contains(name), "a field of one connection is passed on")
        }
        guard let sent else { return }
        let isSent = sent.contains { request in
            request.head.method == seen.head.method && request.target == seen.target
                && (seen.isWhole ? request.isWhole && request.body == seen.body : request.body.starts(with: seen.body))
        }
        require(isSent, "a worker sees a request that no client has sent")
    }

    @discardableResult
    private static func wait<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) -> Value {
        let done = DispatchSemaphore(value: 0)
        let result = Locked<Value?>(nil)
        Task.detached {
            do {
                let value = try await body()
                result.withLock { $0 = value }
            } catch { fatalError("\(error)") }
            done.signal()
        }
        done.wait()
        return result.withLock { $0! }
    }
}

/// A request as one end of a connection reads it.
private struct Message {
    let head: Transcript.Head
    var body: [UInt8] = []
    var isWhole = false

    /// All that are whole, and the beginning of another.
    static func all(in transcript: Transcript) -> [Message] {
        var messages: [Message] = []
        for entry in transcript.entries {
            switch entry {
            case .head(let head): messages.append(Message(head: head))
            case .body(let bytes): messages[messages.count - 1].body += bytes
            case .trailers: break
            case .end: messages[messages.count - 1].isWhole = true
            }
        }
        return messages
    }

    /// In origin form.
    var target: [UInt8] {
        let path = head.path.isEmpty || head.path == Array("*".utf8) ? Array("/".utf8) : head.path
        return path + (head.query.map { Array("?".utf8) + $0 } ?? [])
    }
}
