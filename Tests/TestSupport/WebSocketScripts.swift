/// Independent clients of WebSockets, in Python, for the address of a server that has `/echo`, which speaks the
/// subprotocol `echo` and takes messages of 1 MiB, and a `/page`. They print `done`.
public enum WebSocketScripts {
    /// By `websockets`; `compression` as that takes it: `None` or `'deflate'`.
    public static func http1(compression: String) -> String {
        """
        import asyncio, sys, websockets
        from websockets.exceptions import ConnectionClosedError, InvalidStatusCode

        async def main(address):
            url = f"ws://{address}/echo"
            options = dict(compression=\(compression), max_size=None, subprotocols=["other", "echo"])
            async with websockets.connect(url, **options) as socket:
                assert socket.subprotocol == "echo"
                assert bool(socket.extensions) == (\(compression) is not None)
                for size in [0, 1, 125, 126, 65535, 65536, 1000000]:
                    text = "ä" * (size // 2) + "x" * (size % 2)
                    await socket.send(text)
                    assert await socket.recv() == text
                    data = bytes(i * i >> 3 & 255 for i in range(size))
                    await socket.send(data)
                    assert await socket.recv() == data
                await socket.send(["a", "b" * 70000, "c"])
                assert await socket.recv() == "a" + "b" * 70000 + "c"
                await (await socket.ping(b"are you there"))
                for number in range(2000):
                    await socket.send(str(number))
                for number in range(2000):
                    assert await socket.recv() == str(number)
            assert socket.close_code == 1000
            async with websockets.connect(url, **options) as socket:
                await socket.close(4321, "own code")
            assert socket.close_code == 4321, socket.close_code
            async with websockets.connect(url, **options) as socket:
                await socket.send(bytes((1 << 20) + 1))
                try:
                    await socket.recv()
                except ConnectionClosedError as error:
                    assert error.rcvd.code == 1009, error
            try:
                async with websockets.connect(f"ws://{address}/page"):
                    pass
            except InvalidStatusCode as error:
                assert error.status_code == 200
            print("done")

        asyncio.run(main(sys.argv[1]))
        """
    }

    /// By `h2` and `wsproto`. Further arguments: the statuses to expect for a CONNECT to the page, and for one to
    /// another protocol.
    public static let http2 = """
        import socket, sys
        from h2.config import H2Configuration
        from h2.connection import H2Connection
        from h2.events import *
        from h2.settings import SettingCodes
        from wsproto.connection import Connection, ConnectionType
        from wsproto.events import *

        address = sys.argv[1]
        host, port = address.rsplit(":", 1)
        sock = socket.create_connection((host, int(port)), timeout=60)
        h2 = H2Connection(H2Configuration(client_side=True))
        h2.initiate_connection()
        heads, bodies, ended = {}, {}, set()

        def pump(is_enough):
            while not is_enough():
                sock.sendall(h2.data_to_send())
                data = sock.recv(65536)
                assert data, "the server closed"
                for event in h2.receive_data(data):
                    if isinstance(event, ResponseReceived):
                        heads[event.stream_id] = dict(event.headers)
                    elif isinstance(event, DataReceived):
                        bodies[event.stream_id] = bodies.get(event.stream_id, b"") + event.data
                        h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                    elif isinstance(event, StreamEnded):
                        ended.add(event.stream_id)
                    elif isinstance(event, StreamReset):
                        raise Exception(f"reset {event.stream_id}")
            sock.sendall(h2.data_to_send())

        pump(lambda: h2.remote_settings.get(SettingCodes.ENABLE_CONNECT_PROTOCOL) == 1)

        def ask(method, path, *fields, end=False):
            stream = h2.get_next_available_stream_id()
            h2.send_headers(stream, [(":method", method), (":scheme", "http"), (":authority", address),
                                     (":path", path), *fields], end_stream=end)
            return stream

        def connect(path, *fields):
            return ask("CONNECT", path, (":protocol", "websocket"), ("sec-websocket-version", "13"), *fields)

        # As a browser has it for the page of another site: that is for the WebSocket to judge, by its origin.
        site = ("sec-fetch-site", "cross-site")
        # Of no account in HTTP/2 (RFC 8441 §5); a proxy has one of its own.
        key = ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        streams = [connect("/echo", ("sec-websocket-protocol", "echo"), site, key) for _ in range(3)]
        pump(lambda: all(stream in heads for stream in streams))
        sockets = {}
        for stream in streams:
            assert heads[stream][b":status"] == b"200", heads[stream]
            assert heads[stream][b"sec-websocket-protocol"] == b"echo"
            assert b"sec-websocket-accept" not in heads[stream]
            sockets[stream] = Connection(ConnectionType.CLIENT)
        page = ask("GET", "/page", end=True)
        for stream in streams:
            for size in [1, 60, 5000]:
                h2.send_data(stream, sockets[stream].send(TextMessage(data=f"{stream} " + "x" * size)))
        pump(lambda: page in ended)
        assert bodies[page] == b"page"
        messages = {stream: [] for stream in streams}

        def read():
            for stream in streams:
                data, bodies[stream] = bodies.get(stream, b""), b""
                if data:
                    sockets[stream].receive_data(data)
                for event in sockets[stream].events():
                    if isinstance(event, TextMessage):
                        messages[stream].append(event)
                    elif isinstance(event, CloseConnection):
                        messages[stream].append(event.code)

        def have(count):
            read()
            return all(sum(m.message_finished for m in messages[s] if not isinstance(m, int)) >= count for s in streams)

        pump(lambda: have(3))
        for stream in streams:
            text = "".join(m.data for m in messages[stream])
            assert text == "".join(f"{stream} " + "x" * size for size in [1, 60, 5000])
        for stream in streams:
            h2.send_data(stream, sockets[stream].send(CloseConnection(code=1000)))
        pump(lambda: (read(), all(stream in ended for stream in streams))[1])
        assert all(messages[stream][-1] == 1000 for stream in streams)

        for stream, status in [
            (connect("/page"), sys.argv[2].encode()), (connect("/nowhere"), b"404"),
            (connect("/echo", ("origin", "https://evil.example")), b"403"),
            (ask("CONNECT", "/echo", (":protocol", "other"), ("sec-websocket-version", "13")), sys.argv[3].encode()),
            (ask("GET", "/echo", end=True), b"426"),
        ]:
            pump(lambda: stream in heads)
            assert heads[stream][b":status"] == status, (stream, heads[stream])
        print("done")
        """
}
