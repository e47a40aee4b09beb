import Foundation
import Glibc
import Igropyr
import TestSupport
import Testing

/// What befalls a file while it is sent by TLS, where no `sendfile` helps, in both versions; the client is Python's.
@Suite(.timeLimit(.minutes(5))) struct EncryptedFileFaultTests {
    /// More than fits between server and client.
    private static let bytes = 24 << 20

    /// Reads the head and takes nothing more until the file has changed; then reads on, and says how much came and how
    /// it ended.
    private static let script = """
        import socket, ssl, sys, urllib.request
        import h2.config, h2.connection, h2.events

        port, authority, version = int(sys.argv[1]), sys.argv[2], sys.argv[3]
        context = ssl.create_default_context(cafile=authority)

        def get(path):
            return urllib.request.urlopen(f"https://127.0.0.1:{port}{path}", context=context, timeout=60).read()

        def connect(protocol):
            raw = socket.socket()
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            raw.settimeout(60)
            raw.connect(("127.0.0.1", port))
            context = ssl.create_default_context(cafile=authority)
            context.set_alpn_protocols([protocol])
            context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF  # Else a cut would look like an end.
            return context.wrap_socket(raw, server_hostname="127.0.0.1", suppress_ragged_eofs=False)

        def http1():
            connection = connect("http/1.1")
            connection.sendall(b"GET /huge.txt HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n")
            head = b""
            while not head.endswith(b"\\r\\n\\r\\n"):
                head += connection.recv(1)
            assert f"Content-Length: {sys.argv[4]}\\r\\n".encode() in head, head
            get("/change")
            count = 0
            try:
                while piece := connection.recv(1 << 16):
                    assert not piece.strip(b"\\0"), piece
                    count += len(piece)
            except (ssl.SSLError, ConnectionResetError):
                return count, "cut"
            return count, "end"

        def http2():
            connection = connect("h2")
            h2c = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
            h2c.initiate_connection()
            request = [(":method", "GET"), (":scheme", "https"), (":authority", "a")]
            h2c.send_headers(1, request + [(":path", "/huge.txt")], end_stream=True)
            connection.sendall(h2c.data_to_send())
            count, outcome, ended, changed = 0, "", False, False
            while not ended:
                for event in h2c.receive_data(connection.recv(1 << 16)):
                    if isinstance(event, h2.events.ResponseReceived) and event.stream_id == 1:
                        assert ("content-length", sys.argv[4]) in event.headers, event.headers
                        if not changed:
                            get("/change")
                            changed = True
                    elif isinstance(event, h2.events.DataReceived) and event.stream_id == 1:
                        assert not event.data.strip(b"\\0"), event.data
                        count += len(event.data)
                        h2c.acknowledge_received_data(event.flow_controlled_length, 1)
                    elif isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset)):
                        if event.stream_id == 3:
                            ended = True  # The connection serves on.
                        else:
                            outcome = "end" if isinstance(event, h2.events.StreamEnded) else "cut"
                            h2c.send_headers(3, request + [(":path", "/a%20b.txt")], end_stream=True)
                connection.sendall(h2c.data_to_send())
            return count, outcome

        print(*(http1() if version == "HTTP/1.1" else http2()))
        assert get("/a%20b.txt") == b"text"
        """

    enum Change: CaseIterable {
        case nothing, shrinks, cannotBeRead

        func happen(to file: String) throws {
            switch self {
            case .nothing: break
            case .shrinks: try #require(truncate(file, 1000) == 0)
            case .cannotBeRead: try FileFaultTests.breakDescriptors(of: file)
            }
        }
    }

    @Test(arguments: ["HTTP/1.1", "HTTP/2"], Change.allCases)
    func `a file that cannot be sent to its end is cut off visibly`(version: String, change: Change) async throws {
        let authority = try await TestAuthority()
        let files = try await authority.issue("app", for: ["IP:127.0.0.1"])
        try await Site.with { site in
            let file = site.path + "/huge.txt"
            try site.write("huge.txt", "")
            try #require(truncate(file, Self.bytes) == 0)
            try await withApp { app in
                app.loops = 1
                app.tls = TLSConfiguration(certificates: [.init(chainFile: files.chain, keyFile: files.key)])
                app.get("/change") { _ in
                    try change.happen(to: file)
                    return "done"
                }
                app.files("/", from: site.path)
            } _: { caller in
                let outcome = try await run([
                    "/usr/bin/python3", "-c", Self.script, "\(caller.server.address.port)", authority.file, version,
                    "\(Self.bytes)",
                ])
                let words = outcome.output.split(whereSeparator: \.isWhitespace)
                try #require(outcome.status == 0 && words.count == 2, "\(outcome)")
                let count = try #require(Int(words[0]))
                if change == .nothing {
                    #expect(count == Self.bytes && words[1] == "end")
                } else {
                    #expect(count < Self.bytes && words[1] == "cut", "\(outcome.output)")
                }
            }
            #expect(try FileFaultTests.descriptors(of: file).isEmpty)
        }
    }
}
