import IgropyrUV
import TestSupport
import Testing

@testable import IgropyrRedis

private func ping(_ url: String) async throws {
    try await onLoop { _ in
        let answer = try await Redis(url: url).command("PING")
        #expect(answer == .status("PONG"))
    }
}

/// Expects that no connection is made, for a reason with these words.
private func expectRefusal(_ url: String, _ words: String, _ location: SourceLocation = #_sourceLocation) async {
    let error = await failure { try await ping(url) }
    guard case RedisError.cannotConnect(let text)? = error else {
        Issue.record("\(url): \(String(describing: error))", sourceLocation: location)
        return
    }
    #expect(text.contains(words), "\(url): \(text)", sourceLocation: location)
}

@Suite(.timeLimit(.minutes(5))) struct RedisTLSTests {
    @Test func `a server is believed by its name or address, or whoever it is where the URL says so`() async throws {
        let secure = try await sharedSecureRedis.value
        try await ping(secure.verified)
        try await ping(secure.verified.replacing("localhost", with: "127.0.0.2"))
        try await ping("\(secure.byName)?ssl-mode=REQUIRED")
        try await ping("\(secure.byName.replacing("localhost", with: "127.0.0.1"))?ssl-mode=REQUIRED")
    }

    @Test func `a certificate is to be of an authority that is believed, and of the name in the URL`() async throws {
        let secure = try await sharedSecureRedis.value
        let other = try await TestAuthority()
        await expectRefusal(secure.verified.replacing("localhost", with: "127.0.0.1"), "mismatch")
        await expectRefusal(secure.verified.replacing(secure.authority.file, with: other.file), "not trusted here")
        withExtendedLifetime(other) {}
        await expectRefusal(secure.byName, "not trusted here")
        await expectRefusal("\(secure.byName)?ssl-ca=/nothing/here", "/nothing/here")
    }

    @Test func `TLS and none do not fit together, which is told`() async throws {
        let secure = try await sharedSecureRedis.value
        await expectRefusal(
            "rediss://app:secret@127.0.0.1:\(secure.server.port)?ssl-ca=\(secure.authority.file)",
            "does not answer in TLS")
        await expectRefusal(secure.byName.replacing("rediss", with: "redis"), "onnection")  // Closed, or reset.
        await expectRefusal("rediss://127.0.0.1:1", "refused")
    }

    @Test func `a server that asks for it is shown a certificate`() async throws {
        let secure = try await SecureRedis(asksClients: "yes")
        let own = try await secure.authority.issue("client", for: [])
        let other = try await TestAuthority()
        let strangers = try await other.issue("client", for: [])
        try await ping("\(secure.verified)&ssl-cert=\(own.chain)&ssl-key=\(own.key)")
        await expectRefusal(secure.verified, "certificate required")
        await expectRefusal("\(secure.verified)&ssl-cert=\(strangers.chain)&ssl-key=\(strangers.key)", "unknown ca")
        await expectRefusal("\(secure.verified)&ssl-cert=\(own.chain)&ssl-key=\(strangers.key)", "does not fit")
        withExtendedLifetime(other) {}
        try await secure.server.crash()
    }

    @Test func `files are read for each connection, so that replaced ones hold for the next`() async throws {
        let secure = try await sharedSecureRedis.value
        let (folder, other) = (try TemporaryFolder(), try await TestAuthority())
        try folder.write("ca.pem", try other.folder.read("ca.pem"))
        let redis = try Redis(url: "\(secure.byName)?ssl-ca=\(folder.path)/ca.pem")
        try await onLoop { _ in
            let error = await failure { try await redis.command("PING") }
            #expect((error as? RedisError)?.connectFailure != nil)
            try folder.write("ca.pem", try secure.authority.folder.read("ca.pem"))
            #expect(try await redis.command("PING") == .status("PONG"))
        }
    }

    @Test func `large values go both ways, and what is published comes`() async throws {
        let bytes = (0..<(5 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }  // Takes time: not on the loop.
        let redis = try Redis(url: try await sharedSecureRedis.value.verified, settings: .patient)
        try await onLoop { _ in
            let key = freshKey()
            // More than both sides' buffers hold, while the answers are as large.
            let answers = try await redis.pipeline([
                ["SET", key, bytes], ["GET", key], ["SET", key, bytes], ["GET", key],
            ])
            #expect(answers[1] == .bytes(bytes) && answers[3] == .bytes(bytes))
            try await redis.del(key)
            let seen = try await redis.subscribe(to: [key]) { messages in
                for number in 0..<1000 { try await redis.publish(key, number) }
                var seen: [String] = []
                for try await message in messages {
                    seen.append(message.text)
                    if seen.count == 1000 { break }
                }
                return seen
            }
            #expect(seen == (0..<1000).map { "\($0)" })
        }
        await redis.close()
    }

    @Test func `a connection that was ended is not given out again, and a server that dies is an error`() async throws {
        let secure = try await SecureRedis()
        let redis = try Redis(url: secure.verified)
        let other = try Redis(url: secure.server.bySocket)
        try await onLoop { _ in
            for number in 0..<5 {
                #expect(try await redis.command("ECHO", number).decode() == number)
                #expect(try await other.command("CLIENT", "KILL", "TYPE", "normal") == .integer(1))
            }
            let command = Task.immediate { try await redis.command("BLPOP", "nothing", 0) }
            try await eventually("the command runs") {
                try await other.command("INFO", "clients").decode(String.self).contains("blocked_clients:1")
            }
            try await secure.server.crash()
            let error = await failure { _ = try await command.value }
            #expect((error as? RedisError)?.loss != nil)
        }
        await redis.close()
        await other.close()
    }

    @Test func `a server that falls silent within the handshake is given up in time`() async throws {
        let listener = try ListeningSocket.open(freshAddress())
        defer { Descriptor.close(listener) }
        let address = try #require(ListeningSocket.localAddress(of: listener))
        var settings = PoolSettings.patient
        settings.connectTimeout = .milliseconds(200)
        let redis = try Redis(url: "rediss://\(address)", settings: settings)
        try await onLoop { _ in
            let error = await failure { try await redis.command("PING") }
            let reason = try #require((error as? RedisError)?.connectFailure)
            #expect(reason.contains("does not answer in TLS"), "\(reason)")
        }
    }
}
