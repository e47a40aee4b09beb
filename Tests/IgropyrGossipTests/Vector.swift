import Foundation
import Testing

@testable import IgropyrGossip

/// A recorded message; see Vectors/README.md.
struct Vector: Sendable, CustomTestStringConvertible {
    let name: String
    let bytes: [UInt8]
    let transport: String
    let isReply: Bool
    let isOfOldAgent: Bool
    let key: [UInt8]?
    let label: String
    let decoded: JSON

    var testDescription: String { name }

    static let all = (try? load()) ?? []  // A test counts them.

    private static func load() throws -> [Vector] {
        let folder = Bundle.module.resourceURL?.appendingPathComponent("Vectors") ?? URL(fileURLWithPath: "Vectors")
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        return try files.filter { $0.pathExtension == "json" }.map(Vector.init).sorted { $0.name < $1.name }
    }

    /// Messages that agents sent, as opposed to odd ones made by hand.
    static let recorded = all.filter { !$0.name.hasPrefix("accept-") && !$0.name.hasPrefix("reject-") }
    static let packets = recorded.filter { $0.transport == "udp" }
    static let streams = recorded.filter { $0.transport == "tcp" }

    static func named(_ name: String) throws -> Vector { try #require(all.first { $0.name == name }) }

    private init(_ file: URL) throws {
        let json = try JSONDecoder().decode(JSON.self, from: Data(contentsOf: file))
        name = json["name"].text
        bytes = [UInt8](hex: json["hex"].text)
        transport = json["transport"].text
        isReply = json["direction"].text.hasPrefix("responder ->")
        isOfOldAgent = json["source"].text.hasPrefix("serf 0.9.4")
        key = json["key_hex"].isNull ? nil : [UInt8](hex: json["key_hex"].text)
        label = json["label"].text
        decoded = json["decoded"]
    }

    var envelope: Envelope {
        Envelope(keyring: Keyring(key.map { [$0] } ?? [])!, label: Array(label.utf8))
    }

    func reader() -> StreamReader {
        StreamReader(envelope: envelope, role: isReply ? .initiator : .responder, limitBytes: 1 << 20)
    }

    /// The layers around the messages, from the outside in.
    var layers: [JSON] { Array(sequence(first: decoded) { $0["inner"].isNull ? nil : $0["inner"] }) }

    func layer(_ type: String) -> JSON? { layers.first { $0["type"].text == type } }

    /// The messages inside all wrappers.
    var leaves: [JSON] { Self.leaves(of: decoded) }

    private static func leaves(of json: JSON) -> [JSON] {
        switch json["type"].text {
        case "hasCrc", "compress", "encrypt", "encrypted_packet", "label": leaves(of: json["inner"])
        case "compound": json["parts"].elements.flatMap(leaves)
        default: [json]
        }
    }
}
