import Testing

@testable import IgropyrTransport

private let clusterKey = [UInt8](repeating: 7, count: 32)
private let otherKey = [UInt8](repeating: 8, count: 32)

extension Wire {
    fileprivate init(clientKey: [UInt8] = clusterKey, serverKey: [UInt8] = clusterKey, step: Int = .max) throws {
        try self.init(
            client: TLSSession(.preSharedKey(.derived(fromClusterKey: clientKey), role: .client)),
            server: TLSSession(.preSharedKey(.derived(fromClusterKey: serverKey), role: .server)), step: step)
    }
}

/// First messages of Python's `ssl` module: of a client that ends at TLS 1.2, and of one with TLS 1.3 but no key.
private let foreignHellos: [(hello: String, code: TLSError.Code)] = [
    (
        "16030100830100007f030319572f08be841eee7d12d1702aa401df9244d189871bcabcb15b2068e2c923cc000004c02f"
            + "00ff01000052000b000403000102000a000c000a001d0017001e00190018002300000016000000170000000d002a0028"
            + "040305030603080708080809080a080b080408050806040105010601030303010302040205020602", .unsupportedVersion
    ),
    (
        "16030100dc010000d80303b7bbd460f601c99e177c37314ff05ab46be70ffc140b9cc526f846e6c04cb32c20bba1f6fd"
            + "fcb074b0ec864db5aea05605d621823e28c4d0dc8e7a15436a4d3ab0000813021303130100ff01000087000b00040300"
            + "0102000a00160014001d0017001e0019001801000101010201030104002300000016000000170000000d001e001c0403"
            + "05030603080708080809080a080b080408050806040105010601002b0003020304002d00020101003300260024001d00"
            + "2098e3eb9dbb77cffa9a338c3cf92169c5fcfd980a0c7c9fc1ea5540bec0e09f25", .noKeyOffered
    ),
]

private func bytes(hex: String) -> [UInt8] {
    let digits = hex.compactMap { $0.hexDigitValue }.map(UInt8.init)
    return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}

/// Bytes in which a piece out of order would show.
private func pattern(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) } }

@Suite struct `TLS sessions with one key` {
    @Test(arguments: [1, 7, Int.max]) func `exchange data both ways however the wire cuts it`(step: Int) throws {
        var wire = try Wire(step: step)
        wire.run()
        #expect(wire.client.state == .open && wire.server.state == .open)
        try wire.client.send(pattern(40_000))
        try wire.server.send(Array("hello".utf8))
        wire.run()
        #expect(wire.atServer.elementsEqual(pattern(40_000)))
        #expect(wire.atClient == Array("hello".utf8))
        #expect(wire.clientError == nil && wire.serverError == nil)
    }

    @Test(arguments: [(clusterKey, true), (otherKey, true), ([UInt8](repeating: 9, count: 16), false)])
    func `a server with several keys takes a client with any of them`(key: [UInt8], isTaken: Bool) throws {
        let keys = [clusterKey, otherKey].map { PreSharedKey.derived(fromClusterKey: $0) }
        var wire = try Wire(
            client: TLSSession(.preSharedKey(.derived(fromClusterKey: key), role: .client)),
            server: TLSSession(.preSharedKeys(keys, role: .server)), step: .max)
        wire.run()
        #expect((wire.server.state == .open) == isTaken && (wire.client.state == .open) == isTaken)
        if !isTaken { #expect(wire.serverError?.code == .wrongKey) }
    }

    @Test(arguments: [("issued 1", true), ("issued 2", true), ("other", false)])
    func `a server takes keys that it has issued, and knows them by name`(name: String, isTaken: Bool) throws {
        let secret = [UInt8](repeating: 5, count: 32)
        let issuer: PreSharedKeyIssuer = { $0.hasPrefix("issued") ? PreSharedKey(name: $0, secret: secret) : nil }
        let own = PreSharedKey.derived(fromClusterKey: clusterKey)
        let server = try TLSContext.preSharedKeys([own], role: .server, issuer: issuer)
        var wire = try Wire(
            client: TLSSession(.preSharedKey(PreSharedKey(name: name, secret: secret), role: .client)),
            server: TLSSession(server), step: .max)
        wire.run()
        #expect((wire.server.state == .open) == isTaken && (wire.client.state == .open) == isTaken)
        #expect(wire.server.issuedKeyName == (isTaken ? name : nil))
        var usual = try Wire(
            client: TLSSession(.preSharedKey(own, role: .client)), server: TLSSession(server), step: .max)
        usual.run()
        #expect(usual.server.state == .open && usual.server.issuedKeyName == nil)
    }

    @Test func `carry 1 MiB both ways, again and again`() throws {
        var wire = try Wire(step: 64 << 10)
        wire.run()
        let message = pattern(1 << 20)
        for round in 1...3 {
            try wire.client.send(message)
            try wire.server.send(message)
            wire.run()
            #expect(wire.atServer.count == round << 20 && wire.atServer.suffix(1 << 20).elementsEqual(message))
            #expect(wire.atClient.count == round << 20 && wire.atClient.suffix(1 << 20).elementsEqual(message))
        }
    }

    @Test func `keep what is written during the handshake, up to a limit`() throws {
        var wire = try Wire(step: 7)
        let limit = wire.client.limits.plaintextBeforeHandshakeBytes
        try wire.client.send(pattern(limit))
        #expect(throws: TLSError(.bufferFull, "65536 bytes wait for the handshake already")) {
            try wire.client.send([1])
        }
        wire.run()
        #expect(wire.atServer.elementsEqual(pattern(limit)))
    }

    @Test func `show nothing of the plaintext on the wire`() throws {
        var wire = try Wire()
        wire.run()
        try wire.client.send(Array("GET /secret HTTP/1.1".utf8))
        let bytes = wire.client.taken()
        #expect(bytes.count > 20 && !String(decoding: bytes, as: UTF8.self).contains("secret"))
    }

    @Test func `tell an announced end from a cut`() throws {
        var wire = try Wire()
        wire.run()
        try wire.client.send([1, 2, 3])
        wire.client.close()
        wire.client.close()
        wire.run()
        try wire.server.receiveEndOfFile()
        #expect(wire.atServer == [1, 2, 3] && wire.outcomeAtServer == .endOfStream)
        #expect(wire.server.readError() == nil)

        try wire.server.send([4])  // The other direction stays open.
        wire.run()
        #expect(wire.atClient == [4])
        #expect(throws: TLSError.self) { try wire.client.send([5]) }

        try wire.client.receiveEndOfFile()
        #expect(wire.client.readError()?.code == .truncated)
        #expect(wire.client.state == .failed)
    }

    @Test func `close after the handshake what was closed during it`() throws {
        var wire = try Wire(step: 7)
        try wire.client.send([1, 2, 3])
        wire.client.close()
        #expect(throws: TLSError.self) { try wire.client.send([4]) }
        wire.run()
        #expect(wire.atServer == [1, 2, 3] && wire.outcomeAtServer == .endOfStream)
    }

    @Test func `report a wire that ends within a record as truncated`() throws {
        var wire = try Wire()
        wire.run()
        try wire.client.send(pattern(1000))
        try wire.server.feed(wire.client.taken().dropLast())
        try wire.server.receiveEndOfFile()
        #expect(wire.server.readError()?.code == .truncated)
    }

    @Test func `report a wire that ends within the handshake as truncated`() throws {
        let wire = try Wire()
        try wire.server.feed(wire.client.taken().dropLast())
        let error = #expect(throws: TLSError.self) { try wire.server.receiveEndOfFile() }
        #expect(error?.code == .truncated)
    }

    @Test func `refuse a damaged record, whichever byte is damaged`() throws {
        for position in [0, 1, 3, 5, 40, 90] {
            var wire = try Wire()
            wire.run()
            try wire.client.send(pattern(100))
            var bytes = wire.client.taken()
            bytes[position] ^= 0x40
            try wire.server.feed(bytes)
            let error = wire.server.readError()
            // A length made longer waits for more; the end of the wire then shows it.
            if error == nil { try wire.server.receiveEndOfFile() }
            #expect((error ?? wire.server.readError()) != nil, "byte \(position)")
            #expect(wire.atServer.isEmpty)
        }
    }

    @Test func `hold no more ciphertext than their limit in either direction`() throws {
        var limits = TLSSession.Limits()
        limits.unreadBytes = 20_000
        limits.untakenBytes = 30_000
        let server = try TLSSession(.preSharedKey(.derived(fromClusterKey: clusterKey), role: .server), limits: limits)
        let client = try TLSSession(.preSharedKey(.derived(fromClusterKey: clusterKey), role: .client))
        try server.feed(client.taken())
        try client.feed(server.taken())
        try server.feed(client.taken())
        #expect(server.state == .open)

        let tooLarge = #expect(throws: TLSError.self) { try server.send(pattern(30_001)) }
        #expect(tooLarge?.code == .bufferFull && server.untakenBytes == 0)
        try client.send(pattern(30_000))
        let bytes = client.taken()
        let tooMuch = #expect(throws: TLSError.self) { try server.feed(bytes) }
        #expect(tooMuch?.code == .bufferFull)

        var plaintext: [UInt8] = []  // Neither refusal broke the session.
        for start in stride(from: 0, to: bytes.count, by: 10_000) {
            try server.feed(bytes[start..<min(bytes.count, start + 10_000)])
            _ = try server.readAll(into: &plaintext)
        }
        #expect(plaintext.elementsEqual(pattern(30_000)))
    }
}

@Suite struct `TLS sessions that must not meet` {
    @Test(arguments: [1, 7, Int.max]) func `with different keys name the cause at both ends`(step: Int) throws {
        var wire = try Wire(clientKey: otherKey, step: step)
        wire.run()
        #expect(wire.serverError == TLSError(.wrongKey, "the peer does not hold the cluster key"))
        #expect(wire.clientError == TLSError(.wrongKey, "the peer refuses our cluster key: it holds another one"))
        #expect(wire.client.state == .failed && wire.server.state == .failed)
        let repeated = #expect(throws: TLSError.self) { try wire.server.send([1]) }
        #expect(repeated == wire.serverError)
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n", "\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}",
        "SSH-2.0-OpenSSH_9.2\r\n",
    ])
    func `with a peer that speaks plain text say so`(text: String) throws {
        for role in [TLSContext.Role.server, .client] {
            let session = try TLSSession(.preSharedKey(.derived(fromClusterKey: clusterKey), role: role))
            let error = #expect(throws: TLSError.self) { try session.feed(text.utf8) }
            #expect(error?.code == .notTLS, "\(role): \(error?.description ?? "none")")
        }
    }

    @Test(arguments: foreignHellos)
    func `with a client of another kind say what it lacks`(hello: String, code: TLSError.Code) throws {
        let server = try TLSSession(.preSharedKey(.derived(fromClusterKey: clusterKey), role: .server))
        let error = #expect(throws: TLSError.self) { try server.feed(bytes(hex: hello)) }
        #expect(error?.code == code, "\(error?.description ?? "none")")
        #expect(server.untakenBytes > 0)  // An alert tells the peer.
    }

    @Test func `refuse the key without a Diffie-Hellman exchange`() throws {
        let wire = try Wire()
        var hello = wire.client.taken()
        // psk_key_exchange_modes (45), 2 bytes: a list of one: psk_dhe_ke (1) becomes psk_ke (0), RFC 8446 §4.2.9.
        let extension45: [UInt8] = [0, 45, 0, 2, 1, 1]
        let start = try #require(hello.indices.dropLast(5).first { hello[$0..<$0 + 6].elementsEqual(extension45) })
        hello[start + 5] = 0
        let error = #expect(throws: TLSError.self) { try wire.server.feed(hello) }
        #expect(error?.code == .noKeyOffered)
    }

    @Test func `with a peer that sends noise fail without a trap`() throws {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            let server = try TLSSession(.preSharedKey(.derived(fromClusterKey: clusterKey), role: .server))
            let body = (0..<400).map { _ in UInt8.random(in: 0...255, using: &random) }
            // A record header of a handshake, so that the noise reaches the parser of messages.
            #expect(throws: TLSError.self) {
                try server.feed([22, 3, 1, 1, 0x90] + body)
                try server.receiveEndOfFile()
            }
            #expect(server.state == .failed)
        }
    }

    @Test func `derive the key of control connections as RFC 5869 does`() {
        // openssl kdf -keylen 32 -kdfopt digest:SHA256 -kdfopt hexkey:0707… -kdfopt info:"igropyr control v1" HKDF
        let derived = PreSharedKey.derived(fromClusterKey: clusterKey).secret.withUnsafeBytes { Array($0) }
        #expect(
            derived == [
                0xe9, 0xf6, 0x38, 0x29, 0xd1, 0x63, 0x0e, 0x7f, 0x6a, 0xeb, 0xac, 0xea, 0x87, 0xd4, 0x99, 0xda,
                0xcd, 0x59, 0xfb, 0x90, 0x81, 0xea, 0x74, 0x26, 0x4b, 0xc3, 0x81, 0xcc, 0xa3, 0xda, 0xca, 0x7a,
            ])
    }

    @Test func `derive the keys of an application's workers likewise`() {
        // openssl kdf -keylen 32 … -kdfopt info:"igropyr worker v1 shop" HKDF, and -keylen 8 … "igropyr worker identity
        // v1 shop"
        let key = PreSharedKey.worker(of: "shop", fromClusterKey: clusterKey)
        let secret = bytes(hex: "C420055B61F54420E19220BC6E3B63D285AA8EA77DA76E2BBBEB67BBED224013")
        #expect(key.secret.withUnsafeBytes { Array($0) } == secret)
        #expect(key.name == "199314dc52934914")
    }

    @Test func `do not pass one application's worker off as another's`() throws {
        func key(_ name: String) -> PreSharedKey { .worker(of: name, fromClusterKey: clusterKey) }
        var wire = try Wire(
            client: TLSSession(.preSharedKey(key("shop"), role: .client)),
            server: TLSSession(.preSharedKey(key("blog"), role: .server)), step: .max)
        wire.run()
        #expect(wire.server.state == .failed && wire.client.state == .failed)
        #expect(wire.serverError?.code == .wrongKey)
    }

    @Test(arguments: [("h2", "h2"), ("http/1.1", "http/1.1")]) func `agree on what is spoken`(
        offered: String, expected: String
    ) throws {
        let key = PreSharedKey.derived(fromClusterKey: clusterKey)
        var wire = try Wire(
            client: TLSSession(.preSharedKey(key, role: .client, applicationProtocols: [offered])),
            server: TLSSession(
                .preSharedKey(key, role: .server, applicationProtocols: HTTPServer.applicationProtocols)),
            step: .max)
        wire.run()
        #expect(wire.client.negotiatedProtocol == expected && wire.server.negotiatedProtocol == expected)
    }

    @Test func `never print the key`() {
        #expect("\(PreSharedKey.derived(fromClusterKey: clusterKey))" == "PreSharedKey(…)")
    }
}
