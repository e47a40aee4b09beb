import Igropyr
import IgropyrTransport
import TestSupport
import Testing

/// Python's httpx by TLS, which takes HTTP/2 when it is offered.
@Suite(.timeLimit(.minutes(5))) struct HTTPXTests {
    private static let script = """
        import asyncio, httpx, sys

        address, authority, http2, version = sys.argv[1], sys.argv[2], sys.argv[3] == "HTTP/2", sys.argv[3]

        async def pieces():
            for number in range(100):
                yield bytes([number]) * 10_000

        async def main():
            async with httpx.AsyncClient(
                http2=http2, verify=authority, base_url=f"https://{address}", timeout=60
            ) as client:
                response = await client.get("/hello")
                assert (response.status_code, response.text, response.http_version) == (200, "Hello", version), response
                assert (await client.head("/hello")).headers["content-length"] == "5"
                answers = await asyncio.gather(*(client.get(f"/async/{number}") for number in range(300)))
                assert [answer.text for answer in answers] == [f"Hello {number}" for number in range(300)]
                echo = await client.post("/echo", content=pieces())
                assert echo.content == b"".join([piece async for piece in pieces()])
                count = 0
                async with client.stream("GET", "/big") as response:
                    async for piece in response.aiter_bytes():
                        count += len(piece)
                assert count == 3 << 20, count
                if not http2:  # By HTTP/2 it waits to send all before it reads that this is not wanted.
                    assert (await client.post("/count", content=b"x" * (2 << 20))).status_code == 413
                form = await client.post("/form", data={"name": "ä b&c"})
                assert form.text == "ä b&c", form.text
                assert (await client.get("/nowhere")).status_code == 404
                async with client.stream("GET", "/big") as response:
                    pass  # Left unread.
                assert (await client.get("/hello")).text == "Hello"

        asyncio.run(main())
        print("done")
        """

    private struct Form: Decodable {
        let name: String
    }

    @Test(arguments: ["HTTP/1.1", "HTTP/2"]) func `httpx is answered`(version: String) async throws {
        let authority = try await TestAuthority()
        let files = try await authority.issue("app", for: ["IP:127.0.0.1"])
        try await withApp { app in
            app.tls = TLSConfiguration(certificates: [.init(chainFile: files.chain, keyFile: files.key)])
            app.get("/hello") { _ in "Hello" }
            app.get("/async/:name") { request async in "Hello \(request.parameters["name"] ?? "")" }
            app.get("/big") { _ in String(repeating: "x", count: 3 << 20) }
            app.post("/count") { request async throws in "\(try await request.body(upTo: 1 << 20).count)" }
            app.post("/form") { request async throws in try await request.form(Form.self).name }
            app.post("/echo") { request async in
                Response { writer in
                    for try await piece in request.body { try await writer.write(piece) }
                }
            }
        } _: { caller in
            let command = ["/usr/bin/python3", "-c", Self.script, "\(caller.server.address)", authority.file, version]
            let outcome = try await run(command)
            #expect(outcome.output == "done\n", "\(outcome.errors)")
        }
    }
}
