import Glibc
import Igropyr
import IgropyrTransport
import IgropyrUV
import TestSupport
import Testing

/// One of `Examples` as a child process, on a socket that listens already: nobody has to wait until it is up.
private final class Example {
    let address: SocketAddress
    private let child: ChildProcess

    init(_ name: String, arguments: [String] = [], on loop: EventLoop) throws {
        let socket = try ListeningSocket.open(.loopback(port: 0))
        defer { Descriptor.close(socket) }
        address = ListeningSocket.localAddress(of: socket)!
        // Only the child knows its number: the shell keeps it when it becomes the program.
        let command = ChildProcess.Command(
            executable: "/bin/sh", arguments: ["-c", "LISTEN_PID=$$ exec \"$0\" \"$@\"", Self.path(name)] + arguments,
            environment: ["LISTEN_FDS": "1"], descriptors: [nil, nil, nil, socket])
        child = try ChildProcess(on: loop, command) { _ in }
    }

    /// Beside the test bundle.
    private static func path(_ name: String) -> String {
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments[0]
        return bundle.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
            + "/\(name)"
    }

    func close() {
        child.signal(SIGKILL)
        child.close()
    }
}

@Suite(.timeLimit(.minutes(5))) struct ExampleTests {
    private static func withExample(
        _ name: String, _ arguments: [String] = [],
        _ body: @escaping @Sendable (HTTPRequester, SocketAddress) async throws -> Void
    ) async throws {
        try await onLoop { loop in
            let example = try Example(name, arguments: arguments, on: loop)
            let client = try HTTPRequester(on: loop)
            defer {
                client.close()
                example.close()
            }
            try await body(client, example.address)
        }
    }

    @Test func `todos are made, found, changed and removed`() async throws {
        try await Self.withExample("Todos") { client, address in
            func send(_ method: String, _ target: String, _ body: String = "") async throws -> (Int, String) {
                let fields = [(name: "Content-Type", value: "application/json")]
                let request = HTTPRequester.Request(.init(method), target, fields: fields, body: Array(body.utf8))
                let response = try await client.send(request, to: address)
                return (response.status, response.text)
            }
            let made = try await send("POST", "/todos", #"{"title":"a"}"#)
            #expect(made.0 == 201)
            for member in [#""id":1"#, #""isDone":false"#, #""title":"a""#] { #expect(made.1.contains(member)) }
            #expect(try await send("POST", "/todos", #"{"name":"a"}"#).0 == 400)
            #expect(try await send("PATCH", "/todos/1", #"{"isDone":true}"#).0 == 200)
            #expect(try await send("GET", "/todos?done=false") == (200, "[]"))
            #expect(try await send("GET", "/todos?done=true").1.contains(#""isDone":true"#))
            #expect(try await send("GET", "/todos/2").0 == 404)
            #expect(try await send("DELETE", "/todos/1").0 == 204)
            #expect(try await send("DELETE", "/todos/1").0 == 404)
        }
    }

    @Test func `what curl uploads can be fetched again`() async throws {
        let folder = try TemporaryFolder()
        let file = try folder.write("large", String(repeating: "0123456789", count: 200_000))
        try await Self.withExample("Upload", ["\(folder.path)/stored"]) { client, address in
            let upload = try await run(["curl", "-sS", "-F", "file=@\(file)", "http://\(address)/files"])
            let location = try #require(upload.output.firstMatch(of: /\/files\/[0-9A-F-]{36}/)).output
            #expect(upload.output.contains(#""bytes":2000000"#))
            #expect(upload.output.contains(#""name":"large""#))
            let fetched = try await client.send(.init(.get, String(location)), to: address)
            #expect(fetched.body.count == 2_000_000)
        }
    }

    @Test func `the clock ticks on from where a browser has left it`() async throws {
        try await Self.withExample("Clock") { client, address in
            let page = try await client.send(.init(.get, "/"), to: address)
            #expect(page.text.contains("clock.js"))
            let ticks = try await run([
                "curl", "-sS", "-N", "--max-time", "3", "-H", "Last-Event-ID: 41", "http://\(address)/ticks",
            ])
            #expect(ticks.output.contains("id: 42\n"))
            #expect(ticks.output.contains("id: 43\n"))
            #expect(ticks.output.contains(" GMT\n\n"))
        }
    }

    @Test func `in the room each hears what the others say`() async throws {
        try await Self.withExample("Chat") { client, address in
            let page = try await client.send(.init(.get, "/"), to: address)
            #expect(page.status == 200 && page.text.contains("chat.js"))
            try await WebSocket.connect(to: "ws://\(address)/room") { first in
                #expect(try await first.receive() == .text("Guest 1 is here."))
                try await WebSocket.connect(to: "ws://\(address)/room") { second in
                    #expect(try await second.receive() == .text("Guest 2 is here."))
                    try await second.send("Hello")
                    #expect(try await second.receive() == .text("Guest 2: Hello"))
                }
                for text in ["Guest 2 is here.", "Guest 2: Hello", "Guest 2 has left."] {
                    #expect(try await first.receive() == .text(text))
                }
            }
        }
    }
}
