/// Serf's part of a push/pull: clocks, everybody's status time, recent user events.
struct SerfState: Equatable {
    /// The user events of one point in time.
    struct Events: Equatable {
        struct Event: Equatable {
            var name = ""
            var payload: [UInt8]?
        }

        var time: UInt64 = 0
        var events: [Event] = []
    }

    /// When, on the members' clock, a member's status was last announced.
    struct StatusTime: Equatable {
        let name: String
        let time: UInt64
    }

    var time: UInt64 = 0
    var statusTimes: [StatusTime] = []
    var leftMembers: [String] = []
    var eventTime: UInt64 = 0
    var events: [Events] = []
    var queryTime: UInt64 = 0
}

extension SerfState {
    /// `bytes`: From the Serf type byte on.
    init(_ bytes: [UInt8]) throws(WireError) {
        guard bytes.first == SerfMessageType.pushPull.rawValue else { throw .unknownMessage(bytes.first ?? 0) }
        var reader = MessagePackReader(bytes, from: 1)
        let fields: [StaticString] = ["LTime", "StatusLTimes", "LeftMembers", "EventLTime", "Events", "QueryLTime"]
        try reader.readRecord(fields) { (field, reader) throws(WireError) in
            switch field {
            case 0: time = try reader.readUnsigned()
            case 1: statusTimes = try Self.readTimes(from: &reader)
            case 2: leftMembers = try Self.readNames(from: &reader)
            case 3: eventTime = try reader.readUnsigned()
            case 4: events = try Self.readEvents(from: &reader)
            default: queryTime = try reader.readUnsigned()
            }
        }
    }

    /// What room is made for before it is needed: nobody makes us take more by a header alone.
    private static let usualMembers = 4_096

    private static func readTimes(from reader: inout MessagePackReader) throws(WireError) -> [StatusTime] {
        let count = try reader.readMapHeader()
        var times: [StatusTime] = []
        times.reserveCapacity(min(count, usualMembers))
        for _ in 0..<count {
            times.append(StatusTime(name: try reader.readName(), time: try reader.readUnsigned()))
        }
        return times
    }

    private static func readNames(from reader: inout MessagePackReader) throws(WireError) -> [String] {
        var names: [String] = []
        for _ in 0..<(try reader.readArrayHeader()) { names.append(try reader.readName()) }
        return names
    }

    /// Empty slots, which the reference sends, read as no events at time 0.
    private static func readEvents(from reader: inout MessagePackReader) throws(WireError) -> [Events] {
        var slots: [Events] = []
        for _ in 0..<(try reader.readArrayHeader()) {
            let slot = try Events(from: &reader)
            if !slot.events.isEmpty { slots.append(slot) }
        }
        return slots
    }

    /// Without empty slots.
    var encoded: [UInt8] {
        var writer = MessagePackWriter(messageType: SerfMessageType.pushPull.rawValue)
        writer.writeMapHeader(6)
        writer.field("EventLTime", eventTime)
        writer.key("Events")
        writer.writeArrayHeader(events.count)
        for slot in events { slot.encode(into: &writer) }
        writer.field("LTime", time)
        writer.key("LeftMembers")
        writer.writeArrayHeader(leftMembers.count)
        for name in leftMembers { writer.write(name) }
        writer.field("QueryLTime", queryTime)
        writer.key("StatusLTimes")
        writer.writeMapHeader(statusTimes.count)
        for status in statusTimes {
            writer.write(status.name)
            writer.write(status.time)
        }
        return writer.bytes
    }
}

extension SerfState.Events {
    init(from reader: inout MessagePackReader) throws(WireError) {
        try reader.readRecord(["LTime", "Events"]) { (field, reader) throws(WireError) in
            switch field {
            case 0: time = try reader.readUnsigned()
            default:
                for _ in 0..<(try reader.readArrayHeader()) { events.append(try Event(from: &reader)) }
            }
        }
    }

    func encode(into writer: inout MessagePackWriter) {
        writer.writeMapHeader(2)
        writer.key("Events")
        writer.writeArrayHeader(events.count)
        for event in events {
            writer.writeMapHeader(2)
            writer.field("Name", event.name)
            writer.field("Payload", event.payload)
        }
        writer.field("LTime", time)
    }
}

extension SerfState.Events.Event {
    init(from reader: inout MessagePackReader) throws(WireError) {
        try reader.readRecord(["Name", "Payload"]) { (field, reader) throws(WireError) in
            switch field {
            case 0: name = try reader.readText()
            default: payload = try reader.readRaw()
            }
        }
    }
}
