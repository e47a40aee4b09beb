@testable import IgropyrGossip

// The messages that a vector's `decoded` describes.

extension PingSource {
    init(_ json: JSON) {
        self.init(
            address: json["SourceAddr"].ip, port: json["SourcePort"].number(), node: json["SourceNode"].text)
    }
}

extension JSON {
    var ip: IPAddress? { bytes.flatMap { IPAddress(bytes: $0) } }
    var versions: Versions? { bytes.flatMap { Versions($0[...]) } }
}

extension Accusation {
    init(_ json: JSON) {
        self.init(incarnation: json["Incarnation"].number(), node: json["Node"].text, from: json["From"].text)
    }
}

extension PacketMessage {
    /// Nil for user messages: their bytes are not in the description.
    init?(_ leaf: JSON) {
        let body = leaf["body"]
        switch leaf["type"].text {
        case "ping":
            self = .ping(Ping(sequence: body["SeqNo"].number(), node: body["Node"].text, source: PingSource(body)))
        case "indirectPing":
            self = .indirectPing(
                IndirectPing(
                    sequence: body["SeqNo"].number(), target: body["Target"].ip, port: body["Port"].number(),
                    node: body["Node"].text, wantsNack: body["Nack"].isTrue, source: PingSource(body)))
        case "ackResp": self = .ack(Ack(sequence: body["SeqNo"].number(), payload: body["Payload"].bytes))
        case "nackResp": self = .nack(Nack(sequence: body["SeqNo"].number()))
        case "alive":
            self = .alive(
                Alive(
                    incarnation: body["Incarnation"].number(), node: body["Node"].text,
                    address: body["Addr"].ip, port: body["Port"].number(), meta: body["Meta"].bytes ?? [],
                    versions: body["Vsn"].versions))
        case "suspect": self = .suspect(Accusation(body))
        case "dead": self = .dead(Accusation(body))
        default: return nil
        }
    }

    var encoded: [UInt8] {
        switch self {
        case .ping(let ping): ping.encoded
        case .indirectPing(let ping): ping.encoded
        case .ack(let ack): ack.encoded
        case .nack(let nack): nack.encoded
        case .alive(let alive): alive.encoded
        case .suspect(let accusation): accusation.encoded(as: .suspect)
        case .dead(let accusation): accusation.encoded(as: .dead)
        case .user(let bytes): [8] + bytes
        }
    }
}

extension NodeState {
    init(_ json: JSON) {
        self.init(
            name: json["Name"].text, address: json["Addr"].ip, port: json["Port"].number(),
            meta: json["Meta"].bytes ?? [], incarnation: json["Incarnation"].number(), state: json["State"].number(),
            versions: json["Vsn"].versions)
    }
}

extension SerfState {
    init(_ json: JSON) {
        let slots = json["Events"].elements.filter { !$0.isNull }.map { slot in
            Events(
                time: slot["LTime"].number(),
                events: slot["Events"].elements.map { .init(name: $0["Name"].text, payload: $0["Payload"].bytes) })
        }
        self.init(
            time: json["LTime"].number(),
            statusTimes: json["StatusLTimes"].members.map { .init(name: $0.key, time: $0.value.number()) }
                .sorted { $0.name < $1.name },
            leftMembers: json["LeftMembers"].elements.map(\.text), eventTime: json["EventLTime"].number(),
            events: slots, queryTime: json["QueryLTime"].number())
    }
}

/// A Serf message, read.
enum SerfMessage: Equatable {
    case intent(Intent)
    case userEvent(UserEventMessage)
    case query(QueryMessage)
    case response(QueryResponseMessage)
    indirect case relay(RelayMessage, SerfMessage)

    init(_ bytes: [UInt8]) throws {
        var reader = MessagePackReader(bytes, from: 1)
        switch try SerfMessageType(rawValue: bytes.first ?? 255).unwrapped() {
        case .join: self = .intent(try Intent(.join, from: &reader))
        case .leave: self = .intent(try Intent(.leave, from: &reader))
        case .userEvent: self = .userEvent(try UserEventMessage(from: &reader))
        case .query: self = .query(try QueryMessage(from: &reader))
        case .queryResponse: self = .response(try QueryResponseMessage(from: &reader))
        case .relay:
            let relay = try RelayMessage(from: &reader)
            self = .relay(relay, try SerfMessage(relay.message))
        case .pushPull, .conflictResponse, .keyRequest, .keyResponse: throw WireError.unknownMessage(bytes[0])
        }
    }

    init?(_ json: JSON) {
        let body = json["body"]
        switch json["serf_type"].text {
        case "join": self = .intent(Intent(kind: .join, time: body["LTime"].number(), node: body["Node"].text))
        case "leave":
            self = .intent(
                Intent(
                    kind: .leave, time: body["LTime"].number(), node: body["Node"].text, isPrune: body["Prune"].isTrue))
        case "userEvent":
            self = .userEvent(
                UserEventMessage(
                    time: body["LTime"].number(), name: body["Name"].text, payload: body["Payload"].bytes,
                    canCoalesce: body["CC"].isTrue))
        case "query":
            self = .query(
                QueryMessage(
                    time: body["LTime"].number(), id: body["ID"].number(), address: body["Addr"].bytes ?? [],
                    port: body["Port"].number(), sourceNode: body["SourceNode"].text,
                    filters: body["Filters"].elements.map { $0.bytes ?? [] }, flags: body["Flags"].number(),
                    relayFactor: body["RelayFactor"].number(), timeoutNanoseconds: body["Timeout"].number(),
                    name: body["Name"].text, payload: body["Payload"].bytes))
        case "queryResponse":
            self = .response(
                QueryResponseMessage(
                    time: body["LTime"].number(), id: body["ID"].number(), from: body["From"].text,
                    flags: body["Flags"].number(), payload: body["Payload"].bytes))
        case "relay":
            let header = json["header"]
            guard let inner = SerfMessage(json["inner"]) else { return nil }
            let relay = RelayMessage(
                address: header["DestAddr"]["IP"].bytes ?? [], port: header["DestAddr"]["Port"].number(),
                node: header["DestName"].text, message: inner.encoded)
            self = .relay(relay, inner)
        default: return nil
        }
    }

    var encoded: [UInt8] {
        switch self {
        case .intent(let intent): intent.encoded
        case .userEvent(let event): event.encoded
        case .query(var query):
            query.filtersNilIfEmpty()
        case .response(let response): response.encoded
        case .relay(let relay, _): relay.encoded
        }
    }
}

extension QueryMessage {
    /// A reader cannot tell nil from empty; agents send nil.
    fileprivate mutating func filtersNilIfEmpty() -> [UInt8] {
        if filters?.isEmpty == true { filters = nil }
        return encoded
    }
}

extension Optional where Wrapped == SerfMessageType {
    fileprivate func unwrapped() throws -> SerfMessageType {
        guard let self else { throw WireError.unknownMessage(255) }
        return self
    }
}
