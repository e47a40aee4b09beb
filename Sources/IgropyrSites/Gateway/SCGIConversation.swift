internal import Igropyr
internal import IgropyrUV

/// One request by SCGI: its fields in a netstring, its body behind it, and then the connection's end is the answer's.
final class SCGIConversation: GatewayConversation {
    private let stream: PulledStream
    private let pool: GatewayPool
    private let variables: MetaVariables
    private var isOver = false

    init(_ stream: PulledStream, _ pool: GatewayPool, _ variables: MetaVariables) {
        self.stream = stream
        self.pool = pool
        self.variables = variables
    }

    func begin() throws { try stream.enqueue(Self.opening(variables)) }

    static func opening(_ variables: MetaVariables) -> [UInt8] {
        var (length, others): (ArraySlice<UInt8>, [UInt8]) = ([UInt8(ascii: "0")], [])
        variables.forEach { name, value in
            switch variables.text(name) {
            case "CONTENT_LENGTH": length = variables.bytes[value]
            case "SCGI": break
            default: others += variables.bytes[name] + [0] + variables.bytes[value] + [0]
            }
        }
        // The length has to come first.
        let content = Array("CONTENT_LENGTH\0".utf8) + length + Array("\0SCGI\01\0".utf8) + others
        return Array("\(content.count):".utf8) + content + [UInt8(ascii: ",")]
    }

    func send(_ bytes: [UInt8]) async throws { try await stream.write(bytes) }

    func endBody() {}

    func read(within limit: Duration?) async throws -> [UInt8]? {
        try await stream.read(within: limit, isClosedWithTask: true)
    }

    func end() {
        guard !isOver else { return }
        isOver = true
        pool.giveBack(stream, isUsable: false)
    }
}
