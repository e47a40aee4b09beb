import IgropyrSimulation
import Testing

@testable import IgropyrGossip

@Suite struct VectorTests {
    @Test func `all vectors are there`() { #expect(Vector.all.count == 111) }

    // MARK: - Packets

    @Test(arguments: Vector.packets) func `a recorded packet reads as described`(vector: Vector) throws {
        let packet = Packet.decode(try vector.envelope.openPacket(vector.bytes))
        #expect(packet.errors.isEmpty)
        #expect(packet.messages.count == vector.leaves.count)
        for (message, leaf) in zip(packet.messages, vector.leaves) {
            if case .user(let bytes) = message {
                try expectSerf(bytes, leaf["serf"])
            } else {
                #expect(message == PacketMessage(leaf))
            }
        }
    }

    @Test(arguments: Vector.packets.filter(\.isOfOldAgent))
    func `what an agent sent is written the same`(vector: Vector) throws {
        let messages = vector.leaves.compactMap {
            PacketMessage($0)?.encoded ?? SerfMessage($0["serf"]).map { [8] + $0.encoded }
        }
        let packet = Packet.encode(
            messages, compresses: vector.layer("compress") != nil, addsChecksum: vector.layer("hasCrc") != nil)
        #expect(
            packet == vector.layer("encrypted_packet").map { [UInt8](hex: $0["plaintext_hex"].text) } ?? vector.bytes)
    }

    // MARK: - Streams

    @Test(arguments: Vector.streams) func `a recorded stream reads as described, however it is cut`(
        vector: Vector
    ) throws {
        for step in [vector.bytes.count, 7, 1] {
            var reader = vector.reader()
            var message: StreamMessage?
            for start in stride(from: 0, to: vector.bytes.count, by: step) {
                #expect(message == nil, "complete before its last byte")
                message = try reader.read(Array(vector.bytes[start..<min(start + step, vector.bytes.count)]))
            }
            try expect(try #require(message).content, vector.leaves[0])
        }
    }

    @Test(arguments: Vector.streams.filter { $0.isOfOldAgent && $0.leaves[0]["type"].text == "pushPull" })
    func `a push/pull is written as the agent writes it`(vector: Vector) throws {
        var reader = vector.reader()
        guard case .pushPull(let message) = try #require(try reader.read(vector.bytes)).content else { return }
        let plain = (vector.layer("compress") ?? vector.layer("encrypt")).map { layer in
            [UInt8](hex: (layer["decompressed_hex"].isNull ? layer["plaintext_hex"] : layer["decompressed_hex"]).text)
        }
        #expect(message.encoded == plain ?? vector.bytes)
    }

    private func expect(_ content: StreamMessage.Content, _ leaf: JSON) throws {
        switch content {
        case .pushPull(let message):
            #expect(message.isJoin == leaf["header"]["Join"].isTrue)
            #expect(message.nodes == leaf["nodes"].elements.map { NodeState($0) })
            #expect(message.userState.count == leaf["header"]["UserStateLen"].number())
            if !message.userState.isEmpty {
                var state = try SerfState(message.userState)
                state.statusTimes.sort { $0.name < $1.name }  // Agents write them in any order.
                #expect(state == SerfState(leaf["user_state"]["body"]))
            }
            for (node, json) in zip(message.nodes, leaf["nodes"].elements) {
                #expect(try Tags.decode(node.meta) == json["Meta_tags"].members.mapValues(\.text))
            }
        case .ping(let ping): #expect(PacketMessage.ping(ping) == PacketMessage(leaf))
        case .ack(let ack): #expect(PacketMessage.ack(ack) == PacketMessage(leaf))
        case .user(let bytes): try expectSerf(bytes, leaf["serf"])
        case .error(let text): #expect(text == leaf["body"]["Error"].text)
        }
    }

    // MARK: - Serf

    private func expectSerf(_ bytes: [UInt8], _ json: JSON) throws {
        let message = try SerfMessage(bytes)
        switch (message, SerfMessage(json)) {
        case (.relay(_, let inner), .relay(_, let expected)?): #expect(inner == expected)
        case (_, let expected): #expect(message == expected ?? message && expected != nil)
        }
        switch message {
        case .query(let query): try expectPayload(query.payload, json["payload_decoded"])
        case .response(let response): try expectPayload(response.payload, json["payload_decoded"])
        case .intent, .userEvent, .relay: break
        }
    }

    private func expectPayload(_ payload: [UInt8]?, _ json: JSON) throws {
        let body = json["body"]
        var reader = MessagePackReader(payload ?? [], from: 1)
        switch json["serf_type"].text {
        case "keyRequest":
            #expect(try KeyRequest(payload: payload).key == body["Key"].bytes)
            #expect(KeyRequest(key: body["Key"].bytes ?? []).encoded == payload)
        case "keyResponse":
            let response = try KeyResponse(from: &reader)
            #expect(response.isSuccess == body["Result"].isTrue)
            #expect(
                response.keys == (body["Keys"].isNull ? nil : body["Keys"].elements.map(\.text)) || response.keys == [])
            #expect(response.primaryKey == body["PrimaryKey"].text)
            #expect(response.message == body["Message"].text)
        case "conflictResponse":
            let versions = try #require(Versions([1, 5, 2, 2, 5, 5]))
            let address = try #require(MemberAddress(bytes: body["Addr"].bytes ?? [], port: body["Port"].number()))
            let announcement = Announcement(
                name: body["Name"].text, address: address, meta: [], tags: body["Tags"].members.mapValues(\.text),
                versions: versions)
            #expect(ConflictResponse.encode(SerfMember(announcement)) == payload)
        default: break
        }
    }

    // MARK: - Layers

    @Test func `long, repetitive and random bytes come back from compression`() throws {
        var random = SplitMix64(seed: 1)
        let noise = (0..<20_000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        for plain in [[7], [UInt8](repeating: 7, count: 100_000), noise, noise + noise] {
            #expect(try LZW.decompress(LZW.compress(plain), limitBytes: plain.count) == plain)
        }
    }

    @Test(arguments: Vector.recorded.filter { $0.layer("compress") != nil && $0.isOfOldAgent })
    func `compression gives the reference's bytes and comes back`(vector: Vector) throws {
        let layer = try #require(vector.layer("compress"))
        let plain = [UInt8](hex: layer["decompressed_hex"].text)
        let compressed = LZW.compress(plain)
        #expect(compressed.count == layer["lzw_len"].number())
        let outer = vector.layer("encrypt") ?? vector.layer("encrypted_packet")
        let whole = outer.map { [UInt8](hex: $0["plaintext_hex"].text) } ?? vector.bytes
        #expect(Array(whole.suffix(compressed.count)) == compressed)
        #expect(try LZW.decompress(compressed, limitBytes: plain.count) == plain)
        #expect(throws: WireError.tooLarge) { try LZW.decompress(compressed, limitBytes: plain.count - 1) }
    }

    @Test(arguments: Vector.recorded.filter { $0.key != nil })
    func `sealing with the recorded nonce gives the recorded bytes`(vector: Vector) throws {
        let layer = try #require(vector.layer("encrypt") ?? vector.layer("encrypted_packet"))
        var plain = [UInt8](hex: layer["plaintext_hex"].text)
        let version: UInt8 = layer["enc_version"].number()
        if version == 0 {
            let padding = 16 - plain.count % 16
            plain += [UInt8](repeating: UInt8(padding), count: padding)
        }
        var blob = try #require(
            vector.envelope.keyring.seal(
                plain, nonce: [UInt8](hex: layer["nonce_hex"].text), authenticating: [UInt8](hex: layer["aad_hex"].text)
            ))
        blob[0] = version
        #expect(Array(vector.bytes.suffix(blob.count)) == blob)
    }
}
